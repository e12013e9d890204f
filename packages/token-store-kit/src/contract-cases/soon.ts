import * as assert from 'node:assert/strict';
import { settled } from '../pause.ts';
import type { ExclusivelyOptions, TokenStore } from '../token-store.ts';

/** The names that most cases use. */
export const app = 'app';
export const other = 'other';

/** The longest that any step of a case may take. */
export const stepTimeoutMs = 5_000;

/** The outcome of the promise, or an AssertionError after {@link stepTimeoutMs}. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  if (await settled(promise, stepTimeoutMs)) return promise;
  throw new assert.AssertionError({ message: `nothing happened for ${stepTimeoutMs} ms` });
}

/** Ignores realms: under Jest and Vitest's `vmThreads`, a driver or `structuredClone` makes objects of another realm. */
export function assertSame(found: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(structuredClone(found), structuredClone(expected), message);
}

/** Fails unless the promise rejects soon with exactly this error. */
export function rejectsWith(promise: Promise<unknown>, reason: unknown): Promise<void> {
  return assert.rejects(soon(promise), (error) => error === reason);
}

/**
 * Runs `check` while a task for this name runs. `check` may end the task by calling `end`; otherwise the task ends after
 * `check`. `options` are those of `exclusively` for this task.
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
