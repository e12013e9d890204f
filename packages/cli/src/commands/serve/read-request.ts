import type { TokenRequest } from './token-desk.ts';

/** The client asks for something that there is not. The message says what was expected and what came. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
}

const parameters = ['min_valid', 'refresh'];

/** The address that a client asks for. Throws BadRequest. */
export function readUrl(url: string | undefined): URL {
  const found = URL.parse(url ?? '', 'http://localhost');
  if (!found) throw new BadRequest(`expected a path like /token, got '${url}'`);
  return found;
}

/** What a client wants of its token. Throws BadRequest. */
export function readTokenRequest(query: URLSearchParams): TokenRequest {
  for (const name of new Set(query.keys())) {
    if (!parameters.includes(name)) throw new BadRequest(`expected min_valid or refresh, got '${name}'`);
    if (query.getAll(name).length > 1) throw new BadRequest(`${name}: expected once`);
  }
  return { minValid: readSeconds(query.get('min_valid')) * 1000, refresh: readFlag(query.get('refresh')) };
}

function readSeconds(text: string | null): number {
  if (text === null) return 0;
  if (/^\d{1,12}(\.\d{1,12})?$/.test(text)) return Number(text);
  throw new BadRequest(`min_valid: expected a number of seconds, got '${text}'`);
}

function readFlag(text: string | null): boolean {
  if (text === null || text === '0') return false;
  if (text === '1') return true;
  throw new BadRequest(`refresh: expected 1 or 0, got '${text}'`);
}

/**
 * Throws BadRequest for the name of a host in the internet: then a web page has made a browser ask, through a network port that
 * forwards to the socket. Clients of a socket choose any name without a dot.
 */
export function checkHost(host: string | undefined): void {
  const name = (host ?? '').replace(/:\d*$/, '').toLowerCase();
  const isLocal = !name.includes('.') || name.endsWith('.localhost') || name === '127.0.0.1' || name.startsWith('[');
  if (!isLocal) throw new BadRequest(`Host: expected localhost, got '${name}'`);
}
