/** Settles as the promise does. If that takes longer, rejects with what `onLate` returns. */
export async function inTime<T>(milliseconds: number, promise: Promise<T>, onLate: () => unknown): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(onLate()), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
