/** The one API behind this provider, in Microsoft's spelling. */
export const graphResource = 'https://graph.microsoft.com/';

/** Scopes about the sign-in itself. Microsoft's access tokens for Graph don't depend on them. */
export const identityScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email']);

/**
 * What `offline_access` is called inside. oidc-provider drops `offline_access` unless consent is prompted for, and then
 * refuses a refresh that names it; Microsoft grants it whenever it is asked for, and accepts it in every later request.
 */
export const offlineScope = 'microsoft.offline_access';

/** What consent pages say of a scope, by its canonical name. Others exist as well: they are shown by their names. */
export const permissionTexts: Readonly<Record<string, string>> = {
  openid: 'Sign you in',
  profile: 'View your basic profile',
  email: 'View your email address',
  [offlineScope]: 'Maintain access to data you have given it access to',
  'User.Read': 'Read your profile',
  'Files.Read': 'Read your files',
  'Files.Read.All': 'Read all files that you have access to',
  'Files.ReadWrite': 'Have full access to your files',
  'Files.ReadWrite.All': 'Have full access to all files you have access to',
  'Files.ReadWrite.AppFolder': 'Have full access to its own folder',
};

/** The first spelling seen of each name: scopes are the same whatever their case. */
const spellings = new Map(Object.keys(permissionTexts).map((name) => [name.toLowerCase(), name]));

/**
 * A client's `scope` parameter as the provider inside knows it: canonical spelling, no resource prefix, each once.
 * At a refresh (`granted` is what its token is good for) the scopes about the sign-in are no reason to refuse.
 */
export function toInnerScope(scope: string, granted?: string): string {
  const names = [...new Set(namesIn(scope).map(toInnerName))];
  if (granted === undefined) return names.join(' ');
  const tolerated = new Set([...identityScopes, offlineScope]);
  const had = new Set(namesIn(granted));
  return names.filter((name) => had.has(name) || !tolerated.has(name)).join(' ');
}

/** The scopes of an inner list that belong to Graph, `offlineScope` included. */
export function apiScopes(inner: Iterable<string>): string[] {
  return [...inner].filter((name) => !identityScopes.has(name));
}

/**
 * The `scope` of a token response: what the access token is good for, so without `offline_access` and the identity
 * scopes, and with the resource's prefix where the client itself wrote it.
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
