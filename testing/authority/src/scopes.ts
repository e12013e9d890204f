/** The one API behind this provider, in Microsoft's spelling. */
export const graphResource = 'https://graph.microsoft.com/';

/** Scopes about the sign-in itself. Microsoft's tokens for Graph never depend on them. */
export const identityScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email']);

/**
 * What `offline_access` is called inside. oidc-provider drops `offline_access` unless consent is prompted for and then
 * refuses a refresh that names it; Microsoft grants it whenever it is asked for and accepts it in every later request.
 */
export const offlineScope = 'microsoft.offline_access';

/** A client's `scope` parameter as the provider inside knows it: no resource prefix, each once. */
export function toInnerScope(scope: string): string {
  const inner = scope
    .split(/\s+/)
    .filter(Boolean)
    .map((name) =>
      name === 'offline_access' ? offlineScope : name.replace(/^https:\/\/graph\.microsoft\.com\//i, ''),
    );
  return [...new Set(inner)].join(' ');
}

/** The scopes of an inner list that are Graph's, with the mark for a refresh token where it is in there. */
export function apiScopes(inner: Iterable<string>): string[] {
  return [...inner].filter((name) => !identityScopes.has(name));
}
