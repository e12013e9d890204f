/** A form to post. */
export interface FormPost {
  readonly url: URL;
  readonly body: string;
  /** The only deadline. */
  readonly signal: AbortSignal;
}

/** The answer to a posted form. */
export interface HttpAnswer {
  readonly status: number;
  /** The header of that name. */
  readonly retryAfter: string | undefined;
  /** undefined if it was longer than `maxBodyMebibytes`. */
  readonly body: string | undefined;
}

/**
 * One way to post a form. Each request has a connection of its own, because a kept-alive connection that the server is about
 * to close would lose a request that cannot be repeated. Redirects are not followed.
 */
export interface HttpTransport {
  /** Rejects with any error; the system call that failed says whether the request can have left. */
  postForm(post: FormPost): Promise<HttpAnswer>;
  /** Ends every request at once. A later one is never sent. */
  close(): Promise<void>;
}

/** A token response has a few kilobytes. */
export const maxBodyMebibytes = 1;

export const formHeaders = {
  accept: 'application/json',
  'content-type': 'application/x-www-form-urlencoded',
};

/** The text of a body. Undefined as soon as it is longer than `maxBodyMebibytes`. */
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBodyMebibytes * 1024 * 1024) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
