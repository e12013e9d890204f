import type { IncomingMessage } from 'node:http';

/** More than any client of an identity provider needs to send. */
const formLimitBytes = 64 * 1024;

/** The form in a request's body. If it is larger than 64 KiB, rejects with an error that Koa answers with 413. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > formLimitBytes) {
      throw Object.assign(new RangeError(`the form is larger than ${formLimitBytes} bytes`), {
        status: 413,
        expose: true,
      });
    }
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

/** A request's whole body. */
export async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
