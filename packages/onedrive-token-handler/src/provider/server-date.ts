import { once } from 'node:events';

const timeoutMs = 3_000;

/**
 * What time a server says it is, in epoch milliseconds, whatever its certificate is: for a program that looks for a wrong clock,
 * with which no certificate can be checked. Nothing secret is sent. Undefined if there is no answer within 3 s.
 */
export async function readServerDate({ hostname, port }: URL): Promise<number | undefined> {
  const { request } = await import('node:https');
  const host = hostname.replace(/^\[(.+)\]$/, '$1');
  const signal = AbortSignal.timeout(timeoutMs);
  const sent = request({ host, port, method: 'HEAD', agent: false, rejectUnauthorized: false, signal }).end();
  try {
    const [response] = await once(sent, 'response');
    const date = Date.parse(response.headers.date);
    return Number.isNaN(date) ? undefined : date;
  } catch {
    return undefined;
  } finally {
    sent.destroy();
  }
}
