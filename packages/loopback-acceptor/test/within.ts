/**
 * Settles as the promise does, or rejects if that takes longer than `ms` milliseconds. The default is for all that promises nothing
 * about time: it is long enough for a busy machine.
 */
export async function within<T>(what: string, promise: PromiseLike<T>, ms = 20_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves with the reason for which a promise rejects. Rejects if it resolves or is not settled in time. */
export async function rejection(promise: Promise<unknown>, ms?: number): Promise<Error & { code?: string }> {
  const outcome = promise.then(
    () => new Error('it resolved'),
    (error: unknown) => ({ error }),
  );
  const settled = await within('a rejection', outcome, ms);
  if (settled instanceof Error) throw settled;
  return settled.error as Error;
}

/** Returns how many milliseconds have passed, less what a busy machine has made another timer of this process late meanwhile. */
export function stopwatch(): () => number {
  const started = performance.now();
  const due = started + 300;
  let late = 0;
  const timer = setTimeout(() => (late = performance.now() - due), 300);
  return () => {
    clearTimeout(timer);
    return performance.now() - started - late;
  };
}
