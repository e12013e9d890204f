/** The promise, or a rejection if it is not settled after 10 s. */
export async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('not settled after 10 s')), 10_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error that a promise rejects with, which has to be of that class, within 10 s. */
export async function rejection<T extends Error>(
  promise: Promise<unknown>,
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of no constructor are looked at
  type: new (...args: any[]) => T,
): Promise<T> {
  const error = await within(
    promise.then(
      () => new Error('it resolved'),
      (reason: unknown) => reason,
    ),
  );
  if (error instanceof type) return error;
  throw error;
}
