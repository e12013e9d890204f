/** The promise, or a rejection where it is not settled after `ms` milliseconds. */
export async function within<T>(ms: number, what: string, promise: PromiseLike<T>): Promise<T> {
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

/** What a promise rejects with. A rejection of its own where it resolves, or is not settled in time. */
export async function rejection(promise: Promise<unknown>, ms = 5_000): Promise<Error & { code?: string }> {
  const outcome = promise.then(
    () => new Error('it resolved'),
    (error: unknown) => ({ error }),
  );
  const settled = await within(ms, 'a rejection', outcome);
  if (settled instanceof Error) throw settled;
  return settled.error as Error;
}

/**
 * The least time in milliseconds that a task says it took, of at most five times, until it is within `limit`. For what is
 * promised in milliseconds, on machines that do other things as well.
 */
export async function least(limit: number, task: () => Promise<number>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 5 && fastest > limit; attempt++) fastest = Math.min(fastest, await task());
  return fastest;
}
