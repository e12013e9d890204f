/** The scopes to ask for, and whether a stored sign-in with any granted scopes is accepted. */
export interface ScopeSettings {
  readonly scopes: readonly string[];
  readonly useGrantedScopes: boolean;
}

const graph = 'https://graph.microsoft.com/';
/** The scopes of OpenID Connect. They allow nothing at Graph, and Microsoft's answer may omit them. */
const openIdScopes = new Set(['openid', 'profile', 'email', 'offline_access']);

/** The scopes of a request: each one once, with `offline_access`, because without it there is no refresh token. */
export function withOfflineAccess(scopes: readonly string[]): string[] {
  return [...new Set([...scopes, 'offline_access'])];
}

export function splitScope(scope: string | undefined): string[] {
  return scope?.split(/\s+/).filter(Boolean) ?? [];
}

/**
 * Whether the granted scopes contain all needed ones. In Microsoft's answer, the case of a scope may differ from the
 * request, and so may Graph's address in front. `.default` means all scopes of the registration, and is never in an answer.
 */
export function coversScopes(granted: readonly string[], needed: readonly string[]): boolean {
  const have = new Set(granted.map(comparable));
  return needed.map(comparable).every((scope) => openIdScopes.has(scope) || scope === '.default' || have.has(scope));
}

/**
 * Returns a function that tells whether a record has the needed scopes. It caches its last answer, to be cheap enough for each
 * getToken(). The Python class stored no scopes: its records count as granted.
 */
export function grantJudge({ scopes, useGrantedScopes }: ScopeSettings) {
  let last: { scope: string; granted: boolean } | undefined;
  return ({ scope }: { scope?: string | undefined }): boolean => {
    if (useGrantedScopes || scope === undefined) return true;
    if (last?.scope !== scope) last = { scope, granted: coversScopes(splitScope(scope), scopes) };
    return last.granted;
  };
}

/**
 * The scopes to ask for, including those granted before: a program with fewer scopes must not narrow the record that it
 * shares with others. With `useGrantedScopes`, adds only those of OpenID Connect from the needed scopes. `.default` is sent
 * without the granted ones: Microsoft refuses it together with any other scope of Graph.
 */
export function scopesToAsk({ scopes: needed, useGrantedScopes }: ScopeSettings, granted: readonly string[]): string[] {
  if (useGrantedScopes && granted.length > 0) {
    return withOfflineAccess([...granted, ...needed.filter((scope) => openIdScopes.has(comparable(scope)))]);
  }
  if (needed.some((scope) => comparable(scope) === '.default')) return [...needed];
  return [...new Set([...needed, ...granted])];
}

function comparable(scope: string): string {
  const lower = scope.toLowerCase();
  return lower.startsWith(graph) ? lower.slice(graph.length) : lower;
}
