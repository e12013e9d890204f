import { pause } from 'token-store-kit';
import type { TokenDatabase } from './token-database.ts';

/**
 * The time between two looks. One look takes some microseconds, and a person does not notice a delay of this length.
 */
const lookIntervalMs = 40;

/** See `SqliteTokenStore.changed`. `before`: what was counted when the caller called. */
export async function waitForChange(
  tokens: TokenDatabase,
  before: string | undefined,
  timeout: number,
  signals: readonly AbortSignal[],
): Promise<void> {
  const deadline = performance.now() + timeout;
  for (;;) {
    for (const signal of signals) signal.throwIfAborted();
    const count = tokens.countCommits();
    // Nothing is known while another connection writes. Its commit shows at the next look.
    if (count !== undefined && count !== before) return;
    const left = deadline - performance.now();
    if (left <= 0) return;
    await pause(Math.min(lookIntervalMs, left), signals);
  }
}
