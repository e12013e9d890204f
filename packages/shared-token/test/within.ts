import { setTimeout as sleep } from 'node:timers/promises';

/** The promise's outcome. Rejects if it is not settled after `timeoutMs`. */
export async function within<T>(timeoutMs: number, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a promise rejects with. Fails if it resolves, or is not settled after `timeoutMs`. */
export async function rejection(
  promise: Promise<unknown>,
  timeoutMs = 10_000,
): Promise<Error & Record<string, unknown>> {
  const outcome = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const settled = await within(timeoutMs, outcome);
  if ('error' in settled) return settled.error as Error & Record<string, unknown>;
  throw new Error(`expected a rejection, not ${JSON.stringify(settled.value)}`);
}

/** Resolves when the condition holds. Rejects after `timeoutMs`. */
export async function untilTrue(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !condition(); ) {
    if (performance.now() > end) throw new Error(`not true within ${timeoutMs} ms: ${condition}`);
    await sleep(5);
  }
}
