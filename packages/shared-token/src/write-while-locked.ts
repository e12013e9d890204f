import { isBusy, SharedTokenError } from './shared-token-error.ts';

/** How long a failed write is tried again before the lock is released, counted from the first try. */
const writeLimitMs = 10_000;

const firstPauseMs = 50;
const longestPauseMs = 1_000;

/**
 * Runs `write` again while the store fails in a way that may pass soon: it is busy, not reachable, or a standby after a
 * failover. Call it while the lock is held, because the next holder would spend the refresh token that the write replaces.
 * When one of `signals` aborts, it is run only once more. Throws what the last try threw.
 */
export async function writeWhileLocked<T>(write: () => Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
  const end = performance.now() + writeLimitMs;
  const stop = AbortSignal.any([...signals]);
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const isLast = stop.aborted;
    try {
      return await write();
    } catch (error) {
      if (isLast || !mayPassSoon(error) || performance.now() >= end) throw error;
      await pause(pauseMs, stop);
    }
  }
}

/** Not if the disk is full: then the write-ahead check of the next holder fails as well, and nothing is spent. */
function mayPassSoon(error: unknown): boolean {
  const cause = error instanceof SharedTokenError ? error.cause : error;
  const { reason } = Object(cause) as { reason?: unknown };
  return isBusy(cause) || reason === 'unreachable' || reason === 'read-only-server';
}

/** Ends early when the signal aborts. Keeps the process alive. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
