import * as assert from 'node:assert/strict';
import { settled } from '../pause.ts';
import type { ExclusivelyOptions, TokenStore } from '../token-store.ts';

/** The names that most cases use. */
export const app = 'app';
export const other = 'other';

/** The longest that any step of a case may take. */
export const stepTimeoutMs = 5_000;

/** The promise's outcome, or an AssertionError if it takes longer than any step of these cases may. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  if (await settled(promise, stepTimeoutMs)) return promise;
  throw new assert.AssertionError({ message: `nothing happened for ${stepTimeoutMs} ms` });
}

/** Also if a driver, or `structuredClone`, made the objects in another realm, as under Jest and Vitest's `vmThreads`. */
export function assertSame(found: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(structuredClone(found), structuredClone(expected), message);
}

/** Fails unless the promise rejects soon with exactly this error. */
export function rejectsWith(promise: Promise<unknown>, reason: unknown): Promise<void> {
  return assert.rejects(soon(promise), (error) => error === reason);
}

/**
 * Runs `check` while a task for this name runs. `check` may end the task by the function that it is given. In any case
 * the task has ended afterwards. `options` are those of `exclusively` for this task.
 */
export async function whileOccupied(
  store: TokenStore,
  name: string,
  check: (end: () => Promise<void>) => Promise<void>,
  options?: ExclusivelyOptions,
): Promise<void> {
  const begun = Promise.withResolvers<void>();
  const ending = Promise.withResolvers<void>();
  const ended = store.exclusively(
    name,
    async () => {
      begun.resolve();
      await ending.promise;
    },
    options,
  );
  const end = (): Promise<void> => {
    ending.resolve();
    return soon(ended);
  };
  await soon(Promise.race([begun.promise, ended]));
  try {
    await check(end);
  } finally {
    await end();
  }
}
