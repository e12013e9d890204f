import * as assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExclusivelyOptions, Lock, TokenStore } from '../token-store.ts';
import { fullRecord } from './records.ts';
import { app, assertSame, other, rejectsWith, soon, whileOccupied } from './soon.ts';

const neverRuns = async (): Promise<never> => assert.fail('the task ran');
const busy = { code: 'STORE_BUSY' };

/** Fails unless a task of `store` keeps its lock from `asker`, which may be the same store, until it ends, and no other lock. */
export async function keepsLockFrom(store: TokenStore, asker: TokenStore): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  const check = async (end: () => Promise<void>): Promise<void> => {
    controller.abort();
    await store.set(app, fullRecord);
    await store.delete(app);
    await assert.rejects(soon(asker.exclusively(app, neverRuns, { timeout: 100 })), busy);
    assert.equal(await soon(asker.exclusively(other, async () => 'free')), 'free');
    const waiting = asker.exclusively(app, async () => 'my turn');
    await end();
    assert.equal(await soon(waiting), 'my turn');
  };
  await whileOccupied(store, app, check, { signal });
}

export const exclusivelyCases: Record<string, (store: TokenStore) => Promise<void>> = {
  'exclusively gives its task a lock that has not aborted, and returns what the task returns': async (store) => {
    const task = async (lock: Lock) => [lock.signal.aborted, await store.list(), lock] as const;
    const [isAborted, names, { signal }] = await soon(store.exclusively(app, task));
    // `list` must not show a lock as a record.
    assertSame([isAborted, signal.aborted, names, await store.list()], [false, false, [], []]);
  },

  'exclusively rejects with the error of its task, and the next task runs': async (store) => {
    const failure = new Error('from the task');
    const fail = (): never => {
      throw failure;
    };
    for (const task of [fail, async () => fail(), fail]) await rejectsWith(store.exclusively(app, task), failure);
  },

  'exclusively runs the tasks of one name one after the other, in the order of the calls, with a timeout of Infinity':
    async (store) => {
      const events: string[] = [];
      const { promise: secondBegins, resolve } = Promise.withResolvers<void>();
      const call = (index: number): Promise<void> => {
        const task = async (): Promise<void> => {
          events.push(`${index} begins`);
          if (index === 1) resolve();
          await delay(1);
          events.push(`${index} ends`);
        };
        return store.exclusively(app, task, { timeout: Number.POSITIVE_INFINITY });
      };
      const early = [0, 1, 2, 3, 4].map(call);
      // The others come while one runs that has waited.
      await soon(Promise.race([secondBegins, Promise.all(early)]));
      const tasks = [...early, ...[5, 6, 7, 8, 9].map(call)];
      await soon(Promise.all(tasks));
      assert.deepEqual(
        events,
        tasks.flatMap((_, index) => [`${index} begins`, `${index} ends`]),
      );
    },

  'exclusively makes no other name wait, be it long, and not even within a task, and no reader': async (store) => {
    const long = 'x'.repeat(999);
    await whileOccupied(store, `${long}a`, async () => {
      assert.equal(await soon((async () => store.get(`${long}a`))()), undefined);
      const nested = store.exclusively(`${long}b`, () => store.exclusively(app, async () => 'nested'));
      assert.equal(await soon(nested), 'nested');
    });
  },

  'exclusively rejects at once with a TypeError within its own task': async (store) => {
    const isRefused = () => assert.rejects(soon(store.exclusively(app, neverRuns)), TypeError);
    await soon(store.exclusively(app, () => store.exclusively(other, isRefused)));
  },

  'exclusively may be called by work that a task left running, after the task has ended': async (store) => {
    const ended = Promise.withResolvers<void>();
    const work = () => ended.promise.then(() => store.exclusively(app, async () => 'later'));
    // `exclusively` awaits the promise that its task returns, but not a promise in an array.
    const [later] = await soon(store.exclusively(app, async () => [work()] as const));
    ended.resolve();
    assert.equal(await soon(later), 'later');
  },

  'exclusively lets no write of its task come after it has resolved': async (store) => {
    const write = () => Promise.allSettled([store.replace(app, undefined, { refreshToken: 'left' })]);
    const [written] = await soon(store.exclusively(app, async () => [write()] as const));
    await store.delete(app);
    await soon(written);
    assert.equal(await store.get(app), undefined);
  },

  'exclusively keeps the lock until its task has ended, if the signal aborts, and if the record goes': (store) =>
    keepsLockFrom(store, store),

  'exclusively never runs the task of a caller that it has rejected, and serves the next one': async (store) => {
    const reason = new Error('no longer needed');
    const ran: string[] = [];
    const ask = async (caller: string, options?: ExclusivelyOptions): Promise<unknown> =>
      soon(store.exclusively(app, async () => ran.push(caller), options));
    await ask('free', { timeout: 0 });
    await rejectsWith(ask('aborted before', { signal: AbortSignal.abort(reason) }), reason);
    await whileOccupied(store, app, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      // The turn of `next` comes before that of `last`.
      ask('next').catch(() => {});
      setTimeout(() => controller.abort(reason), 20); // by then, all callers are in the queue
      await Promise.all([
        rejectsWith(ask('aborted while it waited', { signal }), reason),
        assert.rejects(ask('its time was up', { timeout: 30 }), busy),
        assert.rejects(ask('tried once', { timeout: 0 }), busy),
      ]);
    });
    // Gives the rejected callers' tasks time to run, which none of them may.
    await delay(50);
    await ask('last');
    assert.deepEqual(ran, ['free', 'next', 'last']);
  },

  'exclusively runs no task after its signal has aborted, also if its turn has come': async (store) => {
    const reason = new Error('no longer needed');
    for (const isFree of [true, false]) {
      for (let ticks = 0; ticks < 15; ticks++) {
        const controller = new AbortController();
        const { signal } = controller;
        const holder = isFree ? undefined : store.exclusively(app, async () => {});
        const asked = store.exclusively(app, async () => assert.equal(signal.aborted, false), { signal });
        const ended = asked.catch((error: unknown) => assert.equal(error, reason));
        if (holder) await holder;
        for (let tick = 0; tick < ticks; tick++) await undefined;
        controller.abort(reason);
        await soon(ended);
      }
    }
  },
};
