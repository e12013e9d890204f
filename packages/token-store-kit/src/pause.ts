/** The longest delay that setTimeout takes. */
export const maxDelayMs = 2 ** 31 - 1;

/**
 * Waits for `milliseconds`, or until the callback that `subscribe` gets is called. Resolves with true after the callback,
 * else with false. The function that `subscribe` returns is called in the tick in which the wait ends, however it ends.
 * Rejects with the reason of the first of `signals` that aborts. Keeps the process alive, as any timer does.
 */
export function pause(
  milliseconds: number,
  signals: readonly (AbortSignal | undefined)[],
  subscribe?: (wake: () => void) => () => void,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    for (const signal of signals) if (signal?.aborted) return reject(signal.reason);
    let unsubscribe: (() => void) | undefined;
    const end = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener('abort', abort);
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
      Math.min(Math.max(milliseconds, 1), maxDelayMs),
    );
    for (const signal of signals) signal?.addEventListener('abort', abort);
    unsubscribe = subscribe?.(() => {
      end();
      resolve(true);
    });
  });
}

/** Whether the promise settles within `milliseconds`, either way. Rejects only if a signal aborts, with the signal's reason. */
export function settled(
  promise: Promise<unknown>,
  milliseconds: number,
  signals: readonly (AbortSignal | undefined)[] = [],
): Promise<boolean> {
  return pause(milliseconds, signals, (wake) => {
    promise.then(wake, wake);
    return () => {};
  });
}
