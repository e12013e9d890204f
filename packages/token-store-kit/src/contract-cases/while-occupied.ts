import type { ExclusivelyOptions, TokenStore } from '../token-store.ts';
import { soon } from './soon.ts';

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
