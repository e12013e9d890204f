import type { IncomingMessage } from 'node:http';

/** Well above the largest form a client of an identity provider has a reason to send. */
const limit = 64 * 1024;

/** The form in a request's body. Rejects with an error that Koa answers with 413 where it is larger than 64 KiB. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) {
      throw Object.assign(new RangeError(`the form is larger than ${limit} bytes`), { status: 413, expose: true });
    }
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
