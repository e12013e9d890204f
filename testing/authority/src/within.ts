/** The promise's outcome. Rejects if it is not settled in time; the default is long enough for a busy machine. */
export async function within<T>(what: string, promise: PromiseLike<T>, milliseconds = 20_000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a promise rejects with. Fails if it resolves, or is not settled in time. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows which error it wants.
export async function rejection<E = Error & Record<string, any>>(
  promise: PromiseLike<unknown>,
  milliseconds?: number,
): Promise<E> {
  const outcome = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const settled = await within('a rejection', outcome, milliseconds);
  if ('error' in settled) return settled.error as E;
  throw new Error(`expected a rejection, not ${JSON.stringify(settled.value)}`);
}
