/** The phrase of each status. node:http has them too, but takes 10 ms to load. */
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
type Status = keyof typeof phrases;

/** The parts of a response that differ. */
export interface Response {
  status: Status;
  /** Added to the content security policy that all responses have. */
  policy?: string;
  /** Further header lines, each with its line end. */
  headers?: string;
  body?: { type: 'text/html' | 'text/plain'; text: string };
}

/** The browser stores nothing, guesses no content type, passes no address on and sends no second request. */
const commonHeaders =
  'Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n';

/** The page loads nothing, sends no form and is not shown in a frame. */
const commonPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Formats a response for the socket, RFC 9112. If the request's method is HEAD, the body is left out. */
export function formatResponse({ status, policy, headers = '', body }: Response, method?: string): string {
  // One string, because ten thousand refusals have to be cheap.
  let head = `HTTP/1.1 ${status} ${phrases[status]}\r\nDate: ${new Date().toUTCString()}\r\n${commonHeaders}${headers}`;
  head += `Content-Security-Policy: ${commonPolicy}${policy === undefined ? '' : `; ${policy}`}\r\n`;
  if (!body) return `${head}\r\n`;
  head += `Content-Type: ${body.type}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body.text)}\r\n`;
  return `${head}\r\n${method === 'HEAD' ? '' : body.text}`;
}

/** The response to a request that is not the answer. It repeats nothing of the request. */
export interface Refusal {
  status: Status;
  /** A fixed sentence, for a person who looks at the response. Empty for a response without body. */
  reason: string;
}

/**
 * The response to a browser that asks whether it may send a request (a CORS or private network preflight). It may. A web
 * page gains nothing from that, because it cannot read the response to the request.
 */
export const preflight: Refusal = { status: 204, reason: '' };

const allow = 'Allow: GET, POST, OPTIONS\r\n';
const refusalHeaders: { [status in Status]?: string } = {
  204: `${allow}Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Private-Network: true\r\n`,
  405: allow,
};

/** Formats a refusal for the socket. */
export function formatRefusal({ status, reason }: Refusal, method?: string): string {
  const headers = refusalHeaders[status] ?? '';
  return formatResponse(
    reason ? { status, headers, body: { type: 'text/plain', text: `${reason}\n` } } : { status, headers },
    method,
  );
}
