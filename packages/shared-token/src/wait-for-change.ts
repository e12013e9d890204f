import type { Settings } from './options.ts';

/** Between two looks at a store that cannot tell of a change. */
const lookIntervalMs = 50;

/** The longest wait for a store to tell of a change: it may miss one. */
const changeTimeoutMs = 5_000;

/** Resolves when the record may have changed. Rejects when the signal aborts. */
export async function waitForChange({ store, name }: Settings, signal: AbortSignal): Promise<void> {
  if (store.changed) {
    const started = performance.now();
    try {
      await store.changed(name, { timeout: changeTimeoutMs, signal });
      // A store that always resolves at once is read at the usual interval, or this loop would block the process.
      if (performance.now() - started > 1) return;
    } catch {
      // The store cannot report changes now: read it after a short pause.
    }
  }
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const wake = (): void => {
      signal.removeEventListener('abort', abort);
      resolve();
    };
    // Does not keep the process alive: the wait for the lock does.
    const timer = setTimeout(wake, lookIntervalMs).unref();
    signal.addEventListener('abort', abort, { once: true });
  });
}
