import { pause } from 'token-store-kit';

/**
 * Waits until the promise has settled, at most for so many milliseconds. False if it has not. Rejects with the reason of a signal that
 * aborts, and never because of the promise.
 */
export function settled(promise: Promise<unknown>, timeoutMs: number, signals: readonly AbortSignal[] = []) {
  return pause(timeoutMs, signals, (wake) => {
    promise.then(wake, wake);
    return () => {};
  });
}
