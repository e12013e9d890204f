import { isAbsolute, join, resolve } from 'node:path';
import { UsageError } from '../../terminal/failure.ts';

/** The longest path of a Unix socket in bytes. The system would cut off a longer one, and use another file. */
const longestPath = process.platform === 'linux' ? 107 : 103;

/** The socket to listen on, absolute: `given`, or the default in the user's runtime folder. Throws UsageError. */
export function socketPath(given: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const path = given === undefined ? defaultPath(env) : resolve(given);
  const length = Buffer.byteLength(path);
  if (length <= longestPath) return path;
  throw new UsageError(`--socket: a socket's path has at most ${longestPath} bytes, and ${path} has ${length}`);
}

function defaultPath({ XDG_RUNTIME_DIR: folder }: NodeJS.ProcessEnv): string {
  // The XDG Base Directory Specification says to ignore a relative path.
  if (folder && isAbsolute(folder)) return join(folder, 'onedrive-token.sock');
  throw new UsageError('there is no XDG_RUNTIME_DIR here: name the socket, in a folder of its own, with --socket');
}
