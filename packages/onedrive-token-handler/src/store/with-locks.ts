import { type Lock, signInLockName, type TokenStore } from 'shared-token';

/** How long a refresh or a sign-in that is under way may take to end. */
const lockTimeoutMs = 60_000;

/** The locks of the record of this name, in the order in which a sign-in acquires them. */
export function locksOf(name: string): readonly string[] {
  return [signInLockName(name), name];
}

/** Acquires the locks in their order, then runs `task` with them. A store of the user's own may give none. */
export async function withLocks<T>(
  store: TokenStore,
  [first, ...others]: readonly string[],
  task: (locks: readonly Lock[]) => Promise<T>,
): Promise<T> {
  if (first === undefined) return task([]);
  const runInner = (lock: Lock | undefined): Promise<T> =>
    withLocks(store, others, (inner) => task(lock?.signal ? [lock, ...inner] : inner));
  return store.exclusively(first, runInner, { timeout: lockTimeoutMs });
}
