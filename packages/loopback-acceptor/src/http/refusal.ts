import { formatResponse, type Status } from './response.ts';

/** What a request gets that is not the answer. Nothing in it comes from the request. */
export interface Refusal {
  status: Status;
  /** A fixed sentence for whoever reads the response. */
  reason: string;
}

const allow = 'Allow: GET, POST, OPTIONS\r\n';
const extraHeaders: { [status in Status]?: string } = {
  204: `${allow}Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Private-Network: true\r\n`,
  405: allow,
};

/**
 * What a browser gets that asks before it sends (a CORS or private network preflight), so that it goes on. No page gains by
 * it: the responses proper allow no other origin to read them.
 */
export const preflight: Refusal = { status: 204, reason: '' };

/** A refusal as it goes over the wire. */
export function formatRefusal({ status, reason }: Refusal, method?: string): string {
  const headers = extraHeaders[status] ?? '';
  return formatResponse(
    reason ? { status, headers, body: { type: 'text/plain', text: `${reason}\n` } } : { status, headers },
    method,
  );
}
