import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when the condition holds. Rejects after `timeout` milliseconds. */
export async function untilTrue(condition: () => boolean, timeout = 10_000): Promise<void> {
  for (const end = performance.now() + timeout; !condition(); ) {
    if (performance.now() > end) throw new Error(`not true within ${timeout} ms: ${condition}`);
    await sleep(10);
  }
}
