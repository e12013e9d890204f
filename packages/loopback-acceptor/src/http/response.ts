/** The phrase of each status. node:http knows them too, but takes 10 ms to load. */
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

/** Browsers keep no copy, guess no content type, pass no address on and send no second request. */
const commonHeaders =
  'Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n';

/** The page fetches nothing, sends no form and is in no frame. */
const commonPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A response as it goes over the wire, RFC 9112. The response to HEAD has no body. */
export function formatResponse({ status, policy, headers = '', body }: Response, method?: string): string {
  // One string, because ten thousand refusals have to be cheap.
  let head = `HTTP/1.1 ${status} ${phrases[status]}\r\nDate: ${new Date().toUTCString()}\r\n${commonHeaders}${headers}`;
  head += `Content-Security-Policy: ${commonPolicy}${policy === undefined ? '' : `; ${policy}`}\r\n`;
  if (!body) return `${head}\r\n`;
  head += `Content-Type: ${body.type}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body.text)}\r\n`;
  return `${head}\r\n${method === 'HEAD' ? '' : body.text}`;
}

/** What the client gets whose request is not the answer. It contains nothing of the request. */
export interface Refusal {
  status: Status;
  /** A fixed sentence for the reader of the response. */
  reason: string;
}

/**
 * What a browser gets that asks before it sends (a CORS or private network preflight), so that it sends. A web page gains
 * nothing from it: no other response has a header that lets the page read it.
 */
export const preflight: Refusal = { status: 204, reason: '' };

const allow = 'Allow: GET, POST, OPTIONS\r\n';
const refusalHeaders: { [status in Status]?: string } = {
  204: `${allow}Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Private-Network: true\r\n`,
  405: allow,
};

/** A refusal as it goes over the wire. */
export function formatRefusal({ status, reason }: Refusal, method?: string): string {
  const headers = refusalHeaders[status] ?? '';
  return formatResponse(
    reason ? { status, headers, body: { type: 'text/plain', text: `${reason}\n` } } : { status, headers },
    method,
  );
}
