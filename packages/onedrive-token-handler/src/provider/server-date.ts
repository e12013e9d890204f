const timeoutMs = 3_000;

/**
 * What time a server says it is, in epoch milliseconds, whatever its certificate is. For the one message in which this machine's
 * clock or the certificate is wrong, so the certificate cannot be checked: nothing secret is sent, and the answer decides
 * nothing but words. Undefined if there is no answer within 3 s.
 */
export function readServerDate({ hostname, port }: URL): Promise<number | undefined> {
  const { request } = process.getBuiltinModule('node:https');
  const host = hostname.replace(/^\[(.+)\]$/, '$1');
  const options = { host, port, path: '/', method: 'HEAD', agent: false, rejectUnauthorized: false };
  return new Promise((resolve) => {
    const sent = request(options, (response) => {
      const date = Date.parse(response.headers.date ?? '');
      resolve(Number.isNaN(date) ? undefined : date);
      response.destroy();
    });
    sent.setTimeout(timeoutMs, () => sent.destroy());
    sent.once('error', () => resolve(undefined));
    sent.once('close', () => resolve(undefined));
    sent.end();
  });
}
