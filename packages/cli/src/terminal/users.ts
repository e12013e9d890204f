import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** The user that this process runs as. A user id without an account has no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `id ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** ': it belongs to user id 5', or the same of the first folder above it that can be seen. '' on Windows, which does not tell. */
export function ownerOf(file: string): string {
  for (let path = file; process.platform !== 'win32'; path = dirname(path)) {
    try {
      const { uid } = statSync(path);
      const owner = uid === process.getuid?.() ? userName() : uid === 0 ? 'root' : `id ${uid}`;
      return `: ${path === file ? 'it' : path} belongs to user ${owner}`;
    } catch {
      // The folder above may say who keeps this user out.
    }
  }
  return '';
}
