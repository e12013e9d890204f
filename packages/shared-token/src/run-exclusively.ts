import type { Lock, TokenStore } from 'token-store-kit';
import { toStoreError } from './shared-token-error.ts';

/**
 * A shorter wait for a lock makes no event, and the record is not read meanwhile: if many processes refresh at the same moment,
 * the one that holds the lock needs the processor more than the others do.
 */
const waitingAfterMs = 150;

/** For a store that gives its tasks no lock. */
export const neverAborted: AbortSignal = new AbortController().signal;

export interface LockRequest {
  name: string;
  timeout: number;
  signal?: AbortSignal;
  /** Called once the wait is long enough for an event. */
  onWait?: () => void;
}

/** See RecordKeeper.exclusively. */
export async function runExclusively<T>(
  store: TokenStore,
  request: LockRequest,
  task: (lock: Lock) => Promise<T>,
): Promise<T> {
  const { name, timeout, signal, onWait } = request;
  signal?.throwIfAborted();
  const waiting = new AbortController();
  const stopWaiting = (): void => waiting.abort(signal?.reason);
  signal?.addEventListener('abort', stopWaiting);
  const notice = setTimeout(() => onWait?.(), waitingAfterMs);
  const waited = (): void => {
    clearTimeout(notice);
    signal?.removeEventListener('abort', stopWaiting);
  };
  let result: Promise<T> | undefined;
  const run = (lock: Lock | undefined): Promise<T> => {
    waited();
    result = task(lock?.signal ? lock : { signal: neverAborted });
    return result;
  };
  try {
    return await store.exclusively(name, run, { timeout, signal: waiting.signal });
  } catch (error) {
    // To release the lock may fail as well: the task's result counts.
    if (result) return result;
    throw waiting.signal.aborted ? error : toStoreError(error);
  } finally {
    waited();
  }
}
