/** The only API behind this provider, in Microsoft's spelling. */
export const graphResource = 'https://graph.microsoft.com/';

/** Scopes about the sign-in itself. Microsoft's access tokens for Graph do not depend on them. */
export const identityScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email']);

/**
 * The name of `offline_access` inside oidc-provider, which drops that scope unless the request prompts for consent, and then refuses a
 * refresh that names it. Microsoft grants it to every request that asks for it, and accepts it in every refresh.
 */
export const offlineScope = 'microsoft.offline_access';

const files = ['Files.Read', 'Files.Read.All', 'Files.ReadWrite', 'Files.ReadWrite.All', 'Files.ReadWrite.AppFolder'];
/** The first spelling that was seen of each name. Case does not matter in a scope. Every other scope exists too. */
const spellings = new Map([...identityScopes, 'User.Read', ...files].map((name) => [name.toLowerCase(), name]));

/**
 * Translates a client's `scope` parameter for oidc-provider: canonical spelling, no prefix of Graph, each scope once. In a refresh,
 * `granted` has the scopes of the refresh token. Sign-in scopes that it lacks are dropped instead of refused.
 */
export function toInnerScope(scope: string, granted?: string): string {
  const names = [...new Set(namesIn(scope).map(toInnerName))];
  if (granted === undefined) return names.join(' ');
  const tolerated = new Set([...identityScopes, offlineScope]);
  const had = new Set(namesIn(granted));
  return names.filter((name) => had.has(name) || !tolerated.has(name)).join(' ');
}

/** The scopes of Graph in an inner list, `offlineScope` included. */
export function apiScopes(inner: Iterable<string>): string[] {
  return [...inner].filter((name) => !identityScopes.has(name));
}

/**
 * The `scope` of a token response: the scopes of the access token. So it has no `offline_access` and no identity scopes. A scope has
 * the prefix of Graph if the client's request has it.
 */
export function toResponseScope(inner: string, requested: string): string {
  const asRequested = new Map(namesIn(requested).map((name) => [toInnerName(name), name]));
  return apiScopes(namesIn(inner))
    .filter((name) => name !== offlineScope)
    .map((name) => (asRequested.get(name)?.startsWith('https:') ? graphResource + name : name))
    .join(' ');
}

function namesIn(scope: string): string[] {
  return scope.split(/\s+/).filter(Boolean);
}

function toInnerName(name: string): string {
  if (name === 'offline_access') return offlineScope;
  const bare = name.toLowerCase().startsWith(graphResource) ? name.slice(graphResource.length) : name;
  const known = spellings.get(bare.toLowerCase()) ?? bare;
  spellings.set(bare.toLowerCase(), known);
  return known;
}
