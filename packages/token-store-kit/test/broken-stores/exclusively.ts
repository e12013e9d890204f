import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExclusivelyOptions, type Lock, lockHeldError, type TokenStore } from '../../src/index.ts';
import { WatchedStore } from '../watched-store.ts';
import type { BrokenStore } from './broken-store.ts';

/** The outcome of `promise`, or the reason of an abort that comes first. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  if (signal?.aborted) reject(signal.reason);
  signal?.addEventListener('abort', () => reject(signal.reason));
  return Promise.race([promise, aborted]);
}

/** Its tasks run on after an abort, but no longer alone. */
function freesLockOnAbort(store: WatchedStore): Partial<TokenStore> {
  return {
    exclusively: async <T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions) => {
      let running: Promise<T> | undefined;
      const run = (lock: Lock): Promise<T> => {
        running = task(lock);
        return untilAborted(running, options?.signal);
      };
      try {
        return await store.exclusively(name, run, options);
      } catch (error) {
        if (running) return running;
        throw error;
      }
    },
  };
}

/** Knows of no task that runs. */
const outside = AsyncLocalStorage.snapshot();

async function callOrWrap<T>(call: () => Promise<T>): Promise<T> {
  let running: Promise<T>;
  try {
    running = call();
  } catch (cause) {
    throw new Error('the task threw', { cause });
  }
  return running;
}

function withExclusively(store: WatchedStore, exclusively: TokenStore['exclusively']): TokenStore {
  return new Proxy(store, {
    get: (_, key) => (key === 'exclusively' ? exclusively : Reflect.get(store, key).bind(store)),
  });
}

export const brokenLocks: Record<string, BrokenStore> = {
  'locks nothing': {
    breakIt: () => ({ exclusively: async (_name, task) => task({ signal: new AbortController().signal }) }),
    fails: /^exclusively runs the tasks of one name one after the other/,
  },
  'has one lock for all names': {
    breakIt: (store) => ({
      exclusively: (_name, task, options) => store.exclusively('all', task, options),
    }),
    fails: /^exclusively makes no other name wait/,
  },
  'gives its tasks no lock': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, () => task(undefined as never), options),
    }),
    fails: /^exclusively gives its task a lock/,
  },
  'gives its tasks a lock that is lost already': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, () => task({ signal: AbortSignal.abort() }), options),
    }),
    fails: /^exclusively gives its task a lock/,
  },
  'cuts names at 255 characters when it locks': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => store.exclusively(name.slice(0, 255), task, options),
    }),
    fails: /^exclusively makes no other name wait/,
  },
  'frees the lock of a running task when the signal aborts': {
    breakIt: freesLockOnAbort,
    fails: /^exclusively keeps the lock until its task has ended/,
  },
  'frees the lock for another store when the signal aborts': {
    breakIt: freesLockOnAbort,
    fails: /^exclusively excludes the tasks of another store until/,
  },
  'runs the task of an aborted caller later': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => {
        const { signal, ...others } = options ?? {};
        signal?.throwIfAborted();
        return untilAborted(store.exclusively(name, task, others), signal);
      },
    }),
    fails: /^exclusively never runs the task of a caller that it has rejected/,
  },
  'runs the task of a caller whose signal had aborted before': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        options?.signal?.aborted
          ? untilAborted(store.exclusively(name, task), options.signal)
          : store.exclusively(name, task, options),
    }),
    fails: /^exclusively never runs the task of a caller that it has rejected/,
  },
  'runs the task of a caller whose time was up later': {
    breakIt: (store) => ({
      exclusively: async (name, task, options) => {
        if (!options?.timeout) return store.exclusively(name, task, options);
        const running = store.exclusively(name, task);
        const late = delay(options.timeout).then(() => {
          throw lockHeldError(name, 30, {});
        });
        return Promise.race([running, late]);
      },
    }),
    fails: /^exclusively never runs the task of a caller that it has rejected/,
  },
  'refuses to wait for the lock without limit': {
    breakIt: (store) => ({
      exclusively: async (name, task, options) => {
        if (options?.timeout === Number.POSITIVE_INFINITY) throw new RangeError('timeout must be finite');
        return store.exclusively(name, task, options);
      },
    }),
    fails: /^exclusively accepts a timeout of Infinity/,
  },
  // setTimeout makes 1 ms of Infinity.
  'does not wait for the lock at all if it may wait without limit': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, options?.timeout === Number.POSITIVE_INFINITY ? { timeout: 1 } : options),
    }),
    fails: /^exclusively accepts a timeout of Infinity/,
  },
  'returns a copy of what its task returns': {
    breakIt: (store) => ({
      exclusively: async (name, task, options) => structuredClone(await store.exclusively(name, task, options)),
    }),
    fails: /^exclusively gives its task a lock/,
  },
  'wraps the error of its task': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        store
          .exclusively(name, task, options)
          .catch((cause) => Promise.reject(new Error('the task failed', { cause }))),
    }),
    fails: /^exclusively rejects with the error of its task/,
  },
  'wraps the error of a task that throws at once': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, (lock) => callOrWrap(() => task(lock)), options),
    }),
    fails: /^exclusively rejects with the error of its task/,
  },
  'keeps the lock of a task that throws at once': {
    breakIt: (store) => {
      let hasThrown = false;
      return {
        exclusively: async (name, task, options) => {
          if (hasThrown) throw lockHeldError(name, 0, {});
          return store.exclusively(
            name,
            (lock) => {
              hasThrown = true;
              const running = task(lock);
              hasThrown = false;
              return running;
            },
            options,
          );
        },
      };
    },
    fails: /^exclusively rejects with the error of its task/,
  },
  'lets a task lock no other name': {
    breakIt: (store) => {
      const inside = new AsyncLocalStorage<true>();
      return {
        exclusively: async (name, task, options) => {
          if (inside.getStore()) throw new TypeError('exclusively was called within a task');
          return store.exclusively(name, (lock) => inside.run(true, () => task(lock)), options);
        },
      };
    },
    fails: /^exclusively makes no other name wait/,
  },
  'waits for itself': {
    breakIt: (store) => ({
      // Another context does not know of the running task.
      exclusively: (name, task, options) => outside(() => store.exclusively(name, task, options)),
    }),
    fails: /^exclusively rejects at once with a TypeError within its own task/,
  },
  'only sees that it waits for itself in the innermost task': {
    breakIt: (store) => {
      const innermost = new AsyncLocalStorage<string>();
      return {
        exclusively: async (name, task, options) => {
          if (innermost.getStore() === name) throw new TypeError('exclusively would wait for itself');
          return outside(() => store.exclusively(name, (lock) => innermost.run(name, () => task(lock)), options));
        },
      };
    },
    fails: /^exclusively rejects at once with a TypeError within its own task/,
  },
  'takes work that a task left running for a part of the task': {
    breakIt: (store) => {
      const names = new AsyncLocalStorage<string>();
      return {
        exclusively: async (name, task, options) => {
          if (names.getStore() === name) throw new TypeError('exclusively would wait for itself');
          return store.exclusively(name, (lock) => names.run(name, () => task(lock)), options);
        },
      };
    },
    fails: /^exclusively may be called by work that a task left running/,
  },
  'waits although it was told to try once': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, task, options?.timeout === 0 ? {} : options),
    }),
    fails: /^exclusively never runs the task/,
  },
  'never tries if it is told to try once': {
    breakIt: (store) => ({
      exclusively: async (name, task, options) => {
        if (options?.timeout === 0) throw lockHeldError(name, 0, {});
        return store.exclusively(name, task, options);
      },
    }),
    fails: /^exclusively never runs the task/,
  },
  'waits longer than its timeout': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, task, { ...options, timeout: 600_000 }),
    }),
    fails: /^exclusively never runs the task/,
  },
  'hears no abort while it waits': {
    breakIt: (store) => ({
      exclusively: async (name, task, options) => {
        const { signal, ...others } = options ?? {};
        signal?.throwIfAborted();
        return store.exclusively(
          name,
          (lock) => (signal?.aborted ? Promise.reject(signal.reason) : task(lock)),
          others,
        );
      },
    }),
    fails: /^exclusively never runs the task/,
  },
  'hears no abort that came before': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, task, options?.signal?.aborted ? {} : options),
    }),
    fails: /^exclusively never runs the task/,
  },
  'rejects an abort with an error of its own': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, options).catch((error) => {
          throw options?.signal?.aborted ? new Error('aborted') : error;
        }),
    }),
    fails: /^exclusively never runs the task/,
  },
  'takes any timeout': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, { ...options, timeout: options?.timeout || 1 }),
    }),
    fails: /^a timeout that exclusively and changed/,
  },
  'takes a negative timeout for none': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, { ...options, timeout: Math.max(options?.timeout ?? 1, 0) }),
    }),
    fails: /^a timeout that exclusively and changed/,
  },
  'shares no locks with another process': {
    breakIt: () => ({}),
    other: () => new WatchedStore(),
    fails: /^exclusively excludes the tasks of another store until/,
  },
  'has one lock for all names of another process': {
    breakIt: () => ({}),
    other: (store) => withExclusively(store, (_name, task, options) => store.exclusively('app', task, options)),
    fails: /^exclusively excludes the tasks of another store until/,
  },
};
