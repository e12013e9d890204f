import { SharedTokenError } from './shared-token-error.ts';

/** What the promise settles with. Rejects with STORE and that problem if it takes longer. */
export async function inTime<T>(milliseconds: number, promise: Promise<T>, problem: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(new SharedTokenError('STORE', problem, { remedy: 'Try again', retryable: true }));
  const timer = setTimeout(giveUp, milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
