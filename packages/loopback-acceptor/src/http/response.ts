/** The parts of a response that differ. */
export interface Response {
  /** With its phrase: `404 Not Found`. */
  status: `${number} ${string}`;
  /** Further header lines, each with its line end. */
  headers?: string;
  /** Added to the content security policy that all responses have. */
  policy?: string;
  body?: { type: 'text/html' | 'text/plain'; text: string };
}

/** The browser stores nothing, guesses no content type, passes no address on and sends no second request. */
const commonHeaders =
  'Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n';

/** The page loads nothing, sends no form and is not shown in a frame. */
const commonPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Formats a response for the socket, RFC 9112. */
export function formatResponse({ status, headers = '', policy, body }: Response): string {
  // One string, because ten thousand refusals have to be cheap.
  let head = `HTTP/1.1 ${status}\r\nDate: ${new Date().toUTCString()}\r\n${commonHeaders}${headers}`;
  head += `Content-Security-Policy: ${commonPolicy}${policy === undefined ? '' : `; ${policy}`}\r\n`;
  if (!body) return `${head}\r\n`;
  head += `Content-Type: ${body.type}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body.text)}\r\n`;
  return `${head}\r\n${body.text}`;
}

/** The response to a request that is not the answer. It repeats nothing of the request: `reason` is a fixed sentence. */
export function refusal(status: Response['status'], reason: string): Response {
  return { status, body: { type: 'text/plain', text: `${reason}\n` } };
}
