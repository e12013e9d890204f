/** The longest that setTimeout can wait. */
const longest = 2 ** 31 - 1;

/**
 * Waits for `milliseconds`, or until `subscribe`'s callback is called. True where it was called in time. The function
 * that `subscribe` returns runs in the same tick as the end, whichever it is, so that nobody wakes one who has gone.
 * Rejects with the reason of the first of `signals` that aborts.
 */
export function pause(
  milliseconds: number,
  signals: readonly AbortSignal[],
  subscribe?: (wake: () => void) => () => void,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    for (const signal of signals) if (signal.aborted) return reject(signal.reason);
    const end = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', abort);
      unsubscribe?.();
    };
    const abort = (event: Event): void => {
      end();
      reject((event.target as AbortSignal).reason);
    };
    const timer = setTimeout(
      () => {
        end();
        resolve(false);
      },
      Math.min(Math.max(milliseconds, 0), longest),
    );
    for (const signal of signals) signal.addEventListener('abort', abort);
    const unsubscribe = subscribe?.(() => {
      end();
      resolve(true);
    });
  });
}
