import type { TokenRecord, TokenResponse } from 'shared-token';
import { belongToDifferentAccounts } from '../id-token.ts';
import { OneDriveTokenError } from '../one-drive-token-error.ts';

/**
 * The answer of Microsoft's token endpoint as a token response. Throws RESPONSE if its token is not a Bearer token. Nothing
 * else may throw here: the token that was sent is spent.
 */
export function readTokenAnswer(answer: Record<string, unknown>): TokenResponse {
  const { token_type: tokenType, scope, id_token: idToken } = answer;
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer') {
    throw unusable('a token_type other than Bearer. Nothing was stored; check the authority.');
  }
  const response = { ...answer };
  if (typeof scope !== 'string' || scope === '') delete response.scope;
  if (typeof idToken !== 'string') delete response.id_token;
  return response as unknown as TokenResponse;
}

/**
 * Microsoft's answer to a refresh as a token response. Throws RESPONSE if its token is not a Bearer token, or belongs to
 * another account than `idToken`.
 */
export function readRefreshAnswer(answer: Record<string, unknown>, { idToken }: TokenRecord): TokenResponse {
  const response = readTokenAnswer(answer);
  if (belongToDifferentAccounts(idToken, response.id_token)) {
    throw unusable('a token of another account. Nothing was stored; sign in again.');
  }
  return response;
}

function unusable(what: string): OneDriveTokenError {
  return new OneDriveTokenError('RESPONSE', `The provider answered with ${what}`);
}
