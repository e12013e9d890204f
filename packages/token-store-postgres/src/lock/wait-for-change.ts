import { pause } from 'token-store-kit';
import type { Row } from '../connection/database.ts';
import type { Watcher } from './watcher.ts';

/** The database's clock and ours may differ by this much in how they measure a moment. */
const toleranceMs = 50;

/** Resolves when the record may have changed since the call, or after `timeout` milliseconds. Rejects with a signal's reason. */
export async function waitForChange(
  watcher: Watcher,
  name: string,
  timeout: number,
  signals: readonly AbortSignal[],
): Promise<void> {
  for (const signal of signals) signal.throwIfAborted();
  // A program that waits in a loop reads between two waits: a write that came after the read counts.
  if (watcher.takeUnread(name)) return;
  const start = performance.now();
  let before = watcher.known(name);
  await pause(timeout, signals, (wake) =>
    watcher.watch({
      name,
      isForLock: false,
      onNotice: ({ type }) => {
        if (type === 'written') wake();
      },
      onLook: (row) => {
        const revision = row.revision ?? null;
        if (before === undefined ? mayBeNewer(row, performance.now() - start) : revision !== before) wake();
        before = revision;
      },
    }),
  );
}

/** Whether a record that was never read before may have been written, or deleted, within this time. */
function mayBeNewer({ age_ms: age }: Row, elapsedMs: number): boolean {
  return age === null || age === undefined || Number(age) <= elapsedMs + toleranceMs;
}
