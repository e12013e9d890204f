import type { IncomingMessage, ServerResponse } from 'node:http';

/** Milliseconds a body may take. It is small and comes from this machine. */
const bodyTimeout = 10_000;

/**
 * Reads the body of a request whose Content-Length was found acceptable, so that node:http itself lets no more through.
 * Undefined where it was broken off, or did not arrive in 10 s.
 */
export function readBody(request: IncomingMessage, response: ServerResponse): Promise<string | undefined> {
  // An HTTP/1.0 client does not know that line.
  if (request.headers.expect !== undefined && request.httpVersion === '1.1') response.writeContinue();
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), bodyTimeout).unref();
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => resolve(Buffer.concat(chunks).toString()))
      .on('error', () => {})
      .on('close', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
  });
}
