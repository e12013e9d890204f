import * as assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContractStore } from '../contract.ts';

/** Runs `check` while a task for this name runs, which it may end before; in any case the task has ended afterwards. */
export async function whileOccupied(
  store: ContractStore,
  appName: string,
  check: (end: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const begun = gate();
  const ending = gate();
  const ended = store.exclusively(appName, async () => {
    begun.open();
    await ending.passed;
  });
  const end = (): Promise<void> => {
    ending.open();
    return soon(ended);
  };
  await soon(Promise.race([begun.passed, ended]));
  try {
    await check(end);
  } finally {
    await end();
  }
}

function gate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** The promise's outcome, or an error where it takes longer than any of these cases may. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(5_000, undefined, { signal: timer.signal }).then(() => {
    throw new assert.AssertionError({ message: 'nothing happened for 5 seconds' });
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    late.catch(() => {});
  }
}

const neverRuns = async (): Promise<never> => assert.fail('the task ran');
const busy = { code: 'STORE_BUSY' };

export const exclusivelyCases: Record<string, (store: ContractStore) => Promise<void>> = {
  'exclusively passes the result of its task through': async (store) => {
    const result = { any: 'thing' };
    assert.equal(await soon(store.exclusively('app', async () => result)), result);
  },

  'exclusively passes the error of its task through, and lets the next one in': async (store) => {
    const failure = new Error('from the task');
    const failed = store.exclusively('app', () => Promise.reject(failure));
    await assert.rejects(soon(failed), (error) => error === failure);
    const thrown = store.exclusively('app', () => {
      throw failure;
    });
    await assert.rejects(soon(thrown), (error) => error === failure);
    assert.equal(await soon(store.exclusively('app', async () => 'next')), 'next');
  },

  'exclusively runs the tasks of one name one after the other, in the order they came': async (store) => {
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

  'exclusively does not let other names wait, not even within a task': async (store) => {
    await whileOccupied(store, 'app', async () => {
      assert.equal(await soon(store.exclusively('other', async () => 'at once', { timeout: 1_000 })), 'at once');
      const nested = store.exclusively('a', () => store.exclusively('b', async () => 'nested'));
      assert.equal(await soon(nested), 'nested');
    });
  },

  'exclusively is a TypeError at once within its own task': async (store) => {
    const nested = store.exclusively('app', async () => {
      await assert.rejects(soon(store.exclusively('app', neverRuns)), TypeError);
      await store.exclusively('other', async () => {
        await assert.rejects(soon(store.exclusively('app', neverRuns)), TypeError);
      });
      return 'unharmed';
    });
    assert.equal(await soon(nested), 'unharmed');
  },

  'exclusively may be called by what a task left running, once the task has ended': async (store) => {
    const ended = gate();
    let later: Promise<string> | undefined;
    await soon(
      store.exclusively('app', async () => {
        later = ended.passed.then(() => store.exclusively('app', async () => 'later'));
      }),
    );
    ended.open();
    assert.equal(await soon(later ?? Promise.reject(new Error('the task did not run'))), 'later');
  },

  'exclusively with timeout 0 tries once': async (store) => {
    assert.equal(await soon(store.exclusively('app', async () => 'free', { timeout: 0 })), 'free');
    await whileOccupied(store, 'app', async () => {
      await assert.rejects(soon(store.exclusively('app', neverRuns, { timeout: 0 })), busy);
    });
    assert.equal(await soon(store.exclusively('app', async () => 'free', { timeout: 0 })), 'free');
  },

  'exclusively rejects with STORE_BUSY after its timeout, and the next in the queue is served': async (store) => {
    await whileOccupied(store, 'app', async (end) => {
      const impatient = store.exclusively('app', neverRuns, { timeout: 30 });
      const patient = store.exclusively('app', async () => 'served');
      await assert.rejects(soon(impatient), busy);
      await end();
      assert.equal(await soon(patient), 'served');
    });
  },

  'exclusively rejects with the reason of an abort, and lets go of the queue': async (store) => {
    const reason = new Error('no longer needed');
    await assert.rejects(
      soon(store.exclusively('app', neverRuns, { signal: AbortSignal.abort(reason) })),
      (error) => error === reason,
    );
    await whileOccupied(store, 'app', async (end) => {
      const controller = new AbortController();
      const { signal } = controller;
      const ask = (): Promise<unknown> =>
        store.exclusively('app', neverRuns, { signal }).then(
          () => assert.fail('the task ran'),
          (error: unknown) => error,
        );
      const early = ask();
      const next = store.exclusively('app', async () => 'next');
      await delay(20); // long enough to be in the queue for certain
      const late = ask();
      controller.abort(reason);
      assert.equal(await soon(early), reason);
      assert.equal(await soon(late), reason);
      await end();
      assert.equal(await soon(next), 'next');
    });
  },

  'exclusively does not disturb a task that runs by an abort': async (store) => {
    const controller = new AbortController();
    const task = store.exclusively(
      'app',
      async () => {
        controller.abort();
        await delay(5);
        return 'finished';
      },
      { signal: controller.signal },
    );
    assert.equal(await soon(task), 'finished');
  },

  'exclusively refuses options it cannot use': async (store) => {
    for (const timeout of [-1, Number.NaN]) {
      await assert.rejects(soon(store.exclusively('app', neverRuns, { timeout })), RangeError);
    }
  },
};
