/** Why an address cannot be used: see {@link GraphAddressError}. */
export type GraphAddressReason = 'not-a-url' | 'not-encoded' | 'not-https' | 'has-password' | 'other-origin';

/**
 * A root or a path that the caller gave cannot be used. Nothing was sent.
 *
 * | reason | what is wrong |
 * | --- | --- |
 * | `not-a-url` | it cannot be read as an http or https URL; a root must also have no `?` and no `#` |
 * | `not-encoded` | a path with a character that a URL cannot have there, or a name that `itemPath` cannot take |
 * | `not-https` | a root with plain http and another host than this machine: the network would see the token |
 * | `has-password` | it has a user name or a password in it |
 * | `other-origin` | a path that is an absolute URL, and not on the root's origin |
 */
export class GraphAddressError extends TypeError {
  override readonly name = 'GraphAddressError';
  /** What is wrong with the address. */
  readonly reason: GraphAddressReason;

  constructor(reason: GraphAddressReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Checks a root of Microsoft Graph, such as `https://graph.microsoft.com/v1.0`: https, or plain http on a loopback host.
 * For a program that takes the root from its user and wants to refuse a wrong one before anything else.
 *
 * @throws {GraphAddressError} if it cannot be used
 */
export function parseGraphRoot(root: string | URL): URL {
  const url = URL.parse(String(root));
  if (url?.username || url?.password) {
    throw new GraphAddressError('has-password', 'root: a URL with a user name or a password in it is refused');
  }
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    const expected = "root: expected a URL like 'https://graph.microsoft.com/v1.0'";
    throw new GraphAddressError('not-a-url', `${expected}, got '${root}'`);
  }
  if (!isPrivate(url)) {
    throw new GraphAddressError('not-https', 'root: plain http would show the token to the network; use https');
  }
  return url;
}

/**
 * The path of a file or a folder by its names, each encoded: `itemPath('Backups', '100% done.txt')` is
 * `/me/drive/root:/Backups/100%25%20done.txt`. Add `:/content`, `:/children` and the like for its content, its children and so on.
 *
 * @param names a `/` in one separates two names, so `/Backups/2026` may be given as one
 * @throws {GraphAddressError} not-encoded for no name or an empty one, for `.` and `..`, and for text that is not well-formed Unicode
 */
export function itemPath(...names: readonly string[]): string {
  // `itemPath('Backup', '')` must not mean the whole folder: the caller may delete the item.
  const all = names.flatMap((name) => String(name).match(/[^/]+/g) ?? name);
  const wrong = all.find((name) => /^(\/*|\.\.?)$/.test(name) || !name.isWellFormed());
  if (all.length === 0 || wrong !== undefined) {
    const got = wrong === undefined ? 'none' : JSON.stringify(wrong);
    throw new GraphAddressError('not-encoded', `itemPath: expected the names of folders and a file, got ${got}`);
  }
  return `/me/drive/root:/${all.map(encodeURIComponent).join('/')}`;
}

/**
 * The URL that a path leads to: below the root, or the absolute URL itself if it is on the root's origin. A path is text of a
 * URL, taken as it stands: `%20` is a space, and `?` begins the query.
 *
 * @param root as `parseGraphRoot` returns it
 * @throws {GraphAddressError} if the token must not be sent there, or if the path is surely not what the caller means
 */
export function resolveGraphUrl(root: URL, path: string | URL): URL {
  if (typeof path !== 'string' && typeof path?.href !== 'string') {
    throw new GraphAddressError('not-a-url', `path: expected a string or a URL, got ${typeof path}`);
  }
  const text = String(path);
  const isAbsolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const url = URL.parse(isAbsolute ? text : `${root.href.replace(/\/$/, '')}/${text.replace(/^\//, '')}`);
  if (!url) {
    throw new GraphAddressError('not-a-url', `'${path}' is not a path of Microsoft Graph; expected one like /me/drive`);
  }
  const only = `the token goes only to ${root.origin}`;
  if (url.origin !== root.origin) {
    throw new GraphAddressError('other-origin', `${only}, not to ${url.protocol}//${url.host}`);
  }
  if (url.username || url.password) {
    throw new GraphAddressError('has-password', `${only}, by an address without a user name or a password in it`);
  }
  const wrong = findUnencoded(text, url);
  if (wrong !== undefined) throw unencoded(path, wrong);
  return url;
}

/** not-encoded, for a character of a name that has another meaning in a URL. */
export function unencoded(path: string | URL, character: string): GraphAddressError {
  const shown = /[\0- ]/.test(character) ? JSON.stringify(character) : character;
  const encoded = encodeURIComponent(character);
  const isDots = encoded === character;
  const problem = isDots ? `no item is named ${shown}` : `a ${shown} is not allowed there. In a name, write ${encoded}`;
  return new GraphAddressError('not-encoded', `'${path}': ${problem}; itemPath('Folder', 'name') encodes names`);
}

/** Finds a character that the caller must have meant as part of a name, but that has another meaning in a URL. */
function findUnencoded(text: string, { pathname }: URL): string | undefined {
  if (text.includes('#')) return '#';
  if (/%(?![0-9a-f]{2})/i.test(text)) return '%';
  // In a path, `URL` drops tabs, line breaks, and a space at the end, and takes a \ for a /. So another item would be meant.
  const path = text.replace(/\?.*/s, '?');
  const [changed] = /[\t\n\r\\]|[\0- ]$/.exec(path) ?? [];
  if (changed) return changed;
  // It also resolves these. Elsewhere the caller may mean that, as in `/../beta/me`.
  const [, dots] = /:\/(?!\/)(?:.*\/)?((?:\.|%2e){1,2})(?:[/?]|$)/i.exec(path) ?? [];
  if (dots) return dots;
  // In `root:/what?.txt:/content` the query would begin within the name, and in `root:/what?.txt` it would be none: it has no `=`.
  // Between quotes, a query may have the same characters.
  const isInName = pathname.split(':/').length % 2 === 0 && /[^:]\?$/.test(path);
  const query = text.slice(path.length).replace(/('|"|%2[27]).*?\1/g, '');
  return isInName && (!/^[^=:/?]+=/.test(query) || /:(\/(?!\/)|\?|$)/.test(query)) ? '?' : undefined;
}

/** Whether the network cannot read requests to this URL: https, or this machine itself. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname));
}
