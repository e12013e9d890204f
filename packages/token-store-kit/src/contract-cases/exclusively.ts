import * as assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExclusivelyOptions, TokenStore } from '../token-store.ts';
import { rejectsWith, soon, whileOccupied } from './soon.ts';

const neverRuns = async (): Promise<never> => assert.fail('the task ran');
const busy = { code: 'STORE_BUSY' };

export const exclusivelyCases: Record<string, (store: TokenStore) => Promise<void>> = {
  'exclusively returns what its task returns': async (store) => {
    const result = { any: 'thing' };
    assert.equal(await soon(store.exclusively('app', async () => result)), result);
  },

  'exclusively gives its task a lock whose signal has not aborted': async (store) => {
    const { signal } = await soon(store.exclusively('app', async (lock) => lock));
    assert.equal(signal.aborted, false);
  },

  'exclusively rejects with the error of its task, and the next task runs': async (store) => {
    const failure = new Error('from the task');
    await rejectsWith(
      store.exclusively('app', () => Promise.reject(failure)),
      failure,
    );
    const thrown = store.exclusively('app', () => {
      throw failure;
    });
    await rejectsWith(thrown, failure);
    assert.equal(await soon(store.exclusively('app', async () => 'next')), 'next');
  },

  'exclusively runs the tasks of one name one after the other, in the order of the calls': async (store) => {
    const events: string[] = [];
    const tasks = Array.from({ length: 10 }, (_, index) =>
      store.exclusively('app', async () => {
        events.push(`${index} begins`);
        await delay(1);
        events.push(`${index} ends`);
      }),
    );
    await soon(Promise.all(tasks));
    assert.deepEqual(
      events,
      tasks.flatMap((_, index) => [`${index} begins`, `${index} ends`]),
    );
  },

  'exclusively makes no other name wait, not even within a task': async (store) => {
    await whileOccupied(store, 'app', async () => {
      assert.equal(await soon(store.exclusively('other', async () => 'at once', { timeout: 1_000 })), 'at once');
      const nested = store.exclusively('a', () => store.exclusively('b', async () => 'nested'));
      assert.equal(await soon(nested), 'nested');
    });
  },

  'exclusively rejects at once with a TypeError within its own task': async (store) => {
    const nested = store.exclusively('app', async () => {
      await assert.rejects(soon(store.exclusively('app', neverRuns)), TypeError);
      await store.exclusively('other', async () => {
        await assert.rejects(soon(store.exclusively('app', neverRuns)), TypeError);
      });
      return 'unharmed';
    });
    assert.equal(await soon(nested), 'unharmed');
  },

  'exclusively may be called by work that a task left running, after the task has ended': async (store) => {
    const ended = Promise.withResolvers<void>();
    let later: Promise<string> | undefined;
    await soon(
      store.exclusively('app', async () => {
        later = ended.promise.then(() => store.exclusively('app', async () => 'later'));
      }),
    );
    ended.resolve();
    assert.equal(await soon(later ?? Promise.reject(new Error('the task did not run'))), 'later');
  },

  'exclusively with timeout 0 tries once': async (store) => {
    assert.equal(await soon(store.exclusively('app', async () => 'free', { timeout: 0 })), 'free');
    await whileOccupied(store, 'app', async () => {
      await assert.rejects(soon(store.exclusively('app', neverRuns, { timeout: 0 })), busy);
    });
    assert.equal(await soon(store.exclusively('app', async () => 'free', { timeout: 0 })), 'free');
  },

  'exclusively rejects with STORE_BUSY after its timeout, and the next caller in the queue gets its turn': async (
    store,
  ) => {
    await whileOccupied(store, 'app', async (end) => {
      const impatient = store.exclusively('app', neverRuns, { timeout: 30 });
      const patient = store.exclusively('app', async () => 'served');
      await assert.rejects(soon(impatient), busy);
      await end();
      assert.equal(await soon(patient), 'served');
    });
  },

  'exclusively rejects with the reason of an abort, and leaves the queue': async (store) => {
    const reason = new Error('no longer needed');
    await rejectsWith(store.exclusively('app', neverRuns, { signal: AbortSignal.abort(reason) }), reason);
    await whileOccupied(store, 'app', async (end) => {
      const controller = new AbortController();
      const { signal } = controller;
      const ask = (): Promise<void> => rejectsWith(store.exclusively('app', neverRuns, { signal }), reason);
      const early = ask();
      const next = store.exclusively('app', async () => 'next');
      await delay(20); // so long that it is in the queue
      const late = ask();
      controller.abort(reason);
      await Promise.all([early, late]);
      await end();
      assert.equal(await soon(next), 'next');
    });
  },

  'exclusively keeps the lock until its task has ended, even if the signal aborts meanwhile': async (store) => {
    const controller = new AbortController();
    await whileOccupied(
      store,
      'app',
      async (end) => {
        const waiting = store.exclusively('app', async () => 'my turn');
        const isServed = soon(waiting).then(() => true);
        isServed.catch(() => {});
        controller.abort();
        await assert.rejects(soon(store.exclusively('app', neverRuns, { timeout: 100 })), busy);
        assert.equal(
          await Promise.race([isServed, delay(20, false)]),
          false,
          'a task began before the other one ended',
        );
        await end();
        assert.equal(await soon(waiting), 'my turn');
      },
      { signal: controller.signal },
    );
  },

  'exclusively never runs the task of a caller that it has rejected': async (store) => {
    const reason = new Error('no longer needed');
    const ran: string[] = [];
    const ask = async (caller: string, options: ExclusivelyOptions): Promise<unknown> =>
      soon(store.exclusively('app', async () => ran.push(caller), options));
    await whileOccupied(store, 'app', async (end) => {
      const controller = new AbortController();
      const aborted = ask('aborted while it waited', { signal: controller.signal });
      const late = ask('its time was up', { timeout: 30 });
      await Promise.all([
        rejectsWith(aborted, reason),
        assert.rejects(late, busy),
        assert.rejects(ask('tried once', { timeout: 0 }), busy),
        rejectsWith(ask('aborted before', { signal: AbortSignal.abort(reason) }), reason),
        delay(20).then(() => controller.abort(reason)),
      ]);
      await end();
    });
    // The first one waits behind the tasks above, if they are still in the queue. The second one gives them time to come later.
    await soon(store.exclusively('app', async () => {}));
    await delay(50);
    await soon(store.exclusively('app', async () => {}));
    assert.deepEqual(ran, []);
  },

  'exclusively accepts a timeout of Infinity': async (store) => {
    const options = { timeout: Number.POSITIVE_INFINITY };
    assert.equal(await soon(store.exclusively('app', async () => 'free', options)), 'free');
    await whileOccupied(store, 'app', async (end) => {
      const waiting = store.exclusively('app', async () => 'my turn', options);
      waiting.catch(() => {});
      await delay(50);
      await end();
      assert.equal(await soon(waiting), 'my turn');
    });
  },

  'exclusively does not take two long names for one': async (store) => {
    const name = 'x'.repeat(999);
    await whileOccupied(store, `${name}a`, async () => {
      assert.equal(await soon(store.exclusively(`${name}b`, async () => 'free', { timeout: 1_000 })), 'free');
    });
  },

  'exclusively refuses a timeout that it cannot use': async (store) => {
    for (const timeout of [-1, Number.NaN]) {
      await assert.rejects(soon(store.exclusively('app', neverRuns, { timeout })), RangeError);
    }
  },
};
