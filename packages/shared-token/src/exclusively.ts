import type { Lock, TokenStore } from 'token-store-kit';
import { type SharedTokenError, toStoreError, tryAgainError } from './shared-token-error.ts';

/**
 * A shorter wait for a lock causes no event, and no read of the record: if many processes refresh at the same moment, the lock
 * holder needs the processor more than the waiting processes do.
 */
const waitingAfterMs = 150;

/** How long the result of a task waits for the store to release the lock. */
const releaseLimitMs = 2_000;

/** How long after `timeout` a store may still report that the lock is busy. After that, the store is not waited for any more. */
const answerMarginMs = 5_000;

const neverAborted: AbortSignal = new AbortController().signal;

interface LockRequest {
  name: string;
  timeout: number;
  /** Ends the wait for the lock, not the task. */
  signal: AbortSignal;
  /** Called once the wait is long enough for an event. */
  onWait: () => void;
}

/**
 * Runs `task` while no other caller or process runs one of that name. A task that calls `leave` gives its result before it ends, and keeps
 * the lock. Throws STORE if the lock cannot be acquired; what the task throws passes through.
 */
export async function exclusively<T>(
  store: TokenStore,
  { name, timeout, signal, onWait }: LockRequest,
  task: (lock: Lock, leave: (result: T | Promise<T>) => void) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const { promise: left, resolve: leave, reject } = Promise.withResolvers<T>();
  const notice = setTimeout(onWait, waitingAfterMs);
  let silence: SharedTokenError | undefined;
  const onSilence = (): void => {
    silence = tryAgainError('The request for the lock got no answer from the store');
    reject(silence);
  };
  const silenceTimer = setTimeout(onSilence, timeout + answerMarginMs);
  let result: Promise<T> | undefined;
  let releaseTimer: NodeJS.Timeout | undefined;
  let isOver = false;
  // A user's own store may pass no lock to its tasks.
  const run = (lock: Lock = { signal: neverAborted }): Promise<T> => {
    clearTimeout(notice);
    clearTimeout(silenceTimer);
    if (silence) return Promise.reject(silence);
    const running = task(lock, leave);
    result = running.finally(() => {
      if (!isOver) releaseTimer = setTimeout(leave, releaseLimitMs, running);
    });
    return result;
  };
  try {
    return await Promise.race([left, store.exclusively(name, run, { timeout, signal })]);
  } catch (error) {
    // The release of the lock may fail as well: the task's result counts.
    if (result) return await Promise.race([left, result]);
    throw signal.aborted ? signal.reason : toStoreError(error);
  } finally {
    isOver = true;
    clearTimeout(notice);
    clearTimeout(silenceTimer);
    clearTimeout(releaseTimer);
  }
}
