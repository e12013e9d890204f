import * as assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { TokenStore } from '../token-store.ts';
import { fullRecord } from './records.ts';
import { app, rejectsWith, soon } from './soon.ts';

/** Longer than any case runs. */
const noTimeout = { timeout: 600_000 };

/** Fails unless `changed` of `store` resolves soon after each kind of write of `writer`, which may be the same store. */
export async function noticesWrites(store: TokenStore, writer: TokenStore): Promise<void> {
  await resolvesSoonAfter(store, () => writer.set(app, fullRecord));
  await resolvesSoonAfter(store, () => writer.replace(app, 'refresh-1', { refreshToken: 'refresh-2' }));
  await resolvesSoonAfter(store, () => writer.delete(app));
}

/** Fails unless `changed` of this store resolves soon after `act`. */
async function resolvesSoonAfter(store: TokenStore, act: () => unknown): Promise<void> {
  const [stop, givenUp] = [new AbortController(), new AbortController()];
  const wait = ({ signal }: AbortController) => store.changed?.(app, { ...noTimeout, signal });
  const waits = [stop, stop].map(wait);
  // The abort of one wait must not end the others.
  wait(givenUp)?.catch(() => {});
  givenUp.abort();
  try {
    await soon(Promise.all([...waits, (async () => act())()]));
  } finally {
    stop.abort();
  }
}

export const changedCases: Record<string, (store: TokenStore) => Promise<void>> = {
  'changed, if the store has it, resolves soon after another caller writes or deletes the record': (store) =>
    noticesWrites(store, store),

  'changed, if the store has it, resolves at its timeout, and rarely before': async (store) => {
    if (!store.changed) return;
    await store.set(app, fullRecord);
    const started = performance.now();
    await soon(store.changed(app, { timeout: 0 }));
    // A promise that resolves without a change wastes its caller's time, so only a few may.
    for (let [early, inTime] = [0, 0]; inTime < 3; ) {
      const changed = store.changed(app, { timeout: 100 });
      // Compares two timers, not clock readings: timers keep their order even in a busy process.
      const isEarly = await Promise.race([changed.then(() => true), delay(20, false)]);
      if (isEarly) assert.ok(++early <= 10, `it resolved ${early} times long before its timeout, without a change`);
      else inTime++;
      await soon(changed);
    }
    const waited = performance.now() - started;
    assert.ok(waited < 2_000, `it needed ${waited} ms for timeouts of 0 and 100 ms`);
  },

  'changed, if the store has it, waits with a timeout of Infinity until its signal aborts': async (store) => {
    if (!store.changed) return;
    const reason = new Error('no longer needed');
    await rejectsWith(store.changed(app, { ...noTimeout, signal: AbortSignal.abort(reason) }), reason);
    let outcome: unknown;
    // Several times, because a store may resolve without a change now and then.
    for (let round = 0; round < 3 && outcome !== reason; round++) {
      const stop = new AbortController();
      const changed = store.changed(app, { timeout: Number.POSITIVE_INFINITY, signal: stop.signal });
      const ended = changed.catch((error: unknown) => error);
      await delay(50);
      stop.abort(reason);
      outcome = await soon(ended);
    }
    assert.equal(outcome, reason);
  },
};
