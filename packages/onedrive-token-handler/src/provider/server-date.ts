import { once } from 'node:events';

const timeoutMs = 3_000;

/**
 * What time a server says it is, in epoch milliseconds, whatever its certificate is. For the one message in which this machine's
 * clock or the certificate is wrong, so the certificate cannot be checked: nothing secret is sent, and the answer decides
 * nothing but words. Undefined if there is no answer within 3 s.
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
