/** What is said with each status. node:http knows more of them, and takes 10 ms to load. */
const phrases = {
  200: 'OK',
  204: 'No Content',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  411: 'Length Required',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
};

/** The statuses that this server answers with. */
export type Status = keyof typeof phrases;

/** What a client is told. */
export interface Response {
  status: Status;
  /** Content security policy, besides what is forbidden on every response. */
  policy?: string;
  /** Further header lines, each with its line end. */
  headers?: string;
  body?: { type: 'text/html' | 'text/plain'; text: string };
}

/** Nothing is stored, sniffed or passed on, and there is no second request. */
const commonHeaders =
  'Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n';

/** Nothing is fetched, sent or framed. */
const commonPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A response as it goes over the wire, RFC 9112. One to HEAD has no body. */
export function formatResponse({ status, policy, headers = '', body }: Response, method?: string): string {
  // One string, for ten thousand refusals are to be cheap.
  let head = `HTTP/1.1 ${status} ${phrases[status]}\r\nDate: ${new Date().toUTCString()}\r\n${commonHeaders}${headers}`;
  head += `Content-Security-Policy: ${commonPolicy}${policy === undefined ? '' : `; ${policy}`}\r\n`;
  if (!body) return `${head}\r\n`;
  head += `Content-Type: ${body.type}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body.text)}\r\n`;
  return `${head}\r\n${method === 'HEAD' ? '' : body.text}`;
}
