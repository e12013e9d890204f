import type { SharedTokenOptions, TokenResponse } from 'shared-token';

/** The `refresh` of a SharedToken, without any library. */
export function createRefresh(
  endpoint: string,
  clientId: string,
  clientSecret?: string,
): SharedTokenOptions['refresh'] {
  return async ({ refreshToken }, { signal }) => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken });
    if (clientSecret !== undefined) body.set('client_secret', clientSecret);
    const response = await fetch(endpoint, { method: 'POST', body, signal });
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    const answer = (isJson ? await response.json() : {}) as TokenResponse & { error?: string };
    if (response.ok) return answer;
    // `error` tells shared-token that a sign-in is needed, `retryAfter` how long the provider wants to be left alone.
    const { error } = answer;
    const retryAfter = 1000 * (Number(response.headers.get('retry-after')) || 0);
    throw Object.assign(new Error(`The provider answered ${response.status} ${error ?? ''}`), { error, retryAfter });
  };
}
