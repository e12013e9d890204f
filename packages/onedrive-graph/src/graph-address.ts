/** Why an address cannot be used: see {@link GraphAddressError}. */
export type GraphAddressReason = 'not-a-url' | 'not-https' | 'has-password' | 'other-origin';

/**
 * A root or a path that the caller gave cannot be used. Nothing was sent.
 *
 * | reason | what is wrong |
 * | --- | --- |
 * | `not-a-url` | it cannot be read as an http or https URL; a root must also have no `?` and no `#` |
 * | `not-https` | a root with plain http, to another host than this machine: the network would see the token |
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
 * The URL that a path leads to: below the root, or the absolute URL itself if it is on the root's origin. A `#` is a part of
 * the path, because a file's name may have one; a `?` begins the query.
 *
 * @param root as `parseGraphRoot` returns it
 * @throws {GraphAddressError} if the token must not be sent there
 */
export function resolveGraphUrl(root: URL, path: string | URL): URL {
  if (typeof path !== 'string' && !(path instanceof URL)) {
    throw new GraphAddressError('not-a-url', `path: expected a string or a URL, got ${typeof path}`);
  }
  const encoded = String(path).replaceAll('#', '%23');
  const isAbsolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(encoded);
  const url = URL.parse(isAbsolute ? encoded : `${root.href.replace(/\/$/, '')}/${encoded.replace(/^\//, '')}`);
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
  return url;
}

/** Whether the network cannot read what is sent there: https, or this machine itself. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname));
}
