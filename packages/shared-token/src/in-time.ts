/** What the promise settles with. Rejects with what `onLate` returns if it takes longer. */
export async function inTime<T>(milliseconds: number, promise: Promise<T>, onLate: () => unknown): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(onLate()), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
