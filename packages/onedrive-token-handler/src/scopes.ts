/** What is asked for, and whether a stored sign-in is taken with whatever it was granted. */
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
 * Whether the granted scopes contain all needed ones. Microsoft answers in another case than it was asked, with or
 * without Graph's address in front. `.default` means all scopes of the registration, and is never in an answer.
 */
export function coversScopes(granted: readonly string[], needed: readonly string[]): boolean {
  const have = new Set(granted.map(comparable));
  return needed.map(comparable).every((scope) => openIdScopes.has(scope) || scope === '.default' || have.has(scope));
}

/**
 * Judges whether a record was granted what is needed, cheaply enough for each call of getToken(). The Python class stored no
 * scopes: they count as granted.
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
 * What to ask for: also what was granted before, so that a program with fewer scopes does not narrow the record that it
 * shares with others; with `useGrantedScopes`, of the needed scopes only those of OpenID Connect. Microsoft refuses `.default`
 * together with any other scope of Graph.
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
