/** The part of a request before its body, RFC 9112 sections 2 to 5. */
export interface RequestHead {
  method: string;
  /** As it was sent. */
  target: string;
  /** By lower-case name. If a name comes twice, its values are joined by a comma (RFC 9110 section 5.3). */
  headers: ReadonlyMap<string, string>;
}

const requestLine = /^([A-Z]{1,20}) ([!-~]+) HTTP\/1\.[01]$/;
/** A name, and a value of visible characters, spaces and tabs. A pattern that trims the value takes seconds for a long run of spaces. */
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\x80-\xff]*)$/;

/**
 * Parses a head, given without the empty line that ends it. Returns undefined for anything that browsers do not send: folded
 * lines, bare line feeds, spaces around names, other versions.
 */
export function parseHead(head: string): RequestHead | undefined {
  const [first = '', ...lines] = head.split('\r\n');
  const [, method, target] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, sent] = headerLine.exec(line) ?? [];
    if (name === undefined || sent === undefined) return undefined;
    const [key, value] = [name.toLowerCase(), sent.trim()];
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return { method, target, headers };
}

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

/** With these, the browser stores nothing, guesses no content type, sends no referrer and no second request on the connection. */
const commonHeaders =
  'Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n';

/** With this, the page loads nothing, sends no form and is not shown in a frame. */
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

/** The response to a request that is not the answer. Quotes nothing from the request: `reason` is a fixed sentence. */
export function refusal(status: Response['status'], reason: string): Response {
  return { status, body: { type: 'text/plain', text: `${reason}\n` } };
}
