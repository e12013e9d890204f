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

/** ': it belongs to user id 0', or the same of the first folder above it that can be seen. '' if its owner is not known. */
export function ownerOf(file: string): string {
  for (let path = file; ; path = dirname(path)) {
    const uid = ownerId(path);
    // Windows reports 0 for every file.
    if (uid !== undefined)
      return process.platform === 'win32' ? '' : `: ${path === file ? 'it' : path} belongs to ${nameOf(uid)}`;
    if (path === dirname(path)) return '';
  }
}

function ownerId(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined;
  }
}

function nameOf(uid: number): string {
  if (uid === process.getuid?.()) return `user ${userName()}`;
  return uid === 0 ? 'user root' : `user id ${uid}`;
}
