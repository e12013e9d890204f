import { UsageError } from '../usage-error.ts';

/** The root of Microsoft Graph as it was configured, checked. The token goes to its origin and nowhere else. */
export function readGraphRoot(graph: string): URL {
  const url = URL.parse(graph);
  if (url?.username || url?.password) throw new UsageError('--graph: a URL with a password in it is not taken');
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new UsageError(`--graph: expected a URL like https://graph.microsoft.com/v1.0, got '${graph}'`);
  }
  if (!isPrivate(url)) throw new UsageError('--graph: plain http would show the token to the network; use https');
  return url;
}

/** Where `path` leads: below the root, or an absolute URL on its origin. */
export function resolveGraphPath(root: URL, path: string): URL {
  // A file's name may have a `#` in it; a fragment is never sent.
  const encoded = path.replaceAll('#', '%23');
  const isAbsolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(encoded);
  const url = URL.parse(isAbsolute ? encoded : `${root.href.replace(/\/$/, '')}/${encoded.replace(/^\//, '')}`);
  if (!url) throw new UsageError(`'${path}' is no path of Microsoft Graph; try /me/drive`);
  if (url.origin !== root.origin || url.username || url.password) {
    throw new UsageError(`the token goes to ${root.origin} only, and without a password; not to ${url.origin}`);
  }
  return url;
}

/** Whether nobody between here and there can read along: https, or this machine itself. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname));
}
