import { userInfo } from 'node:os';

/** The user that this process runs as. A user id without an account has no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `id ${process.getuid?.()}`;
  }
}
