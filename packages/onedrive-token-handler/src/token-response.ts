import { OneDriveTokenError } from './one-drive-token-error.ts';

/** An access token and its times, in epoch milliseconds. */
export interface AccessToken {
  accessToken: string;
  expiresAt: number;
  obtainedAt: number;
}

/** A successful answer of the token endpoint (RFC 6749 section 5.1), checked. Instants are epoch milliseconds. */
export interface TokenSet extends AccessToken {
  refreshToken?: string;
  idToken?: string;
  scope?: string;
}

const yearInSeconds = 365 * 24 * 60 * 60;

/**
 * Reads it; `obtainedAt` is when it was asked for. Throws RESPONSE where it can't be used.
 * An answer without `expires_in` gives a token that is good for this one call.
 */
export function readTokenResponse(answer: Record<string, unknown>, obtainedAt: number): TokenSet {
  const { access_token: accessToken, token_type: tokenType, expires_in: expiresIn = 0 } = answer;
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer')
    throw refuse('a token_type other than Bearer');
  // Whatever else would not survive in an Authorization header (RFC 6750 section 2.1).
  if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken)) throw refuse('no usable access_token');
  const seconds = typeof expiresIn === 'string' && /^\d+$/.test(expiresIn) ? Number(expiresIn) : expiresIn;
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= yearInSeconds)) throw refuse('an absurd expires_in');

  const tokens: TokenSet = { accessToken, obtainedAt, expiresAt: obtainedAt + Math.floor(seconds * 1000) };
  if (typeof answer.refresh_token === 'string' && answer.refresh_token) tokens.refreshToken = answer.refresh_token;
  if (typeof answer.id_token === 'string' && answer.id_token) tokens.idToken = answer.id_token;
  if (typeof answer.scope === 'string' && answer.scope) tokens.scope = answer.scope;
  return tokens;
}

function refuse(what: string): OneDriveTokenError {
  return new OneDriveTokenError(
    'RESPONSE',
    `The provider answered with ${what}. Nothing was stored; check the authority.`,
  );
}
