import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { CallerQueue, type ExclusivelyOptions, type Lock, lockHeldError, type TokenStore } from '../../src/index.ts';
import { WatchedStore } from '../watched-store.ts';
import { type BrokenStores, breaking, withMethods } from './broken-stores.ts';

/** The outcome of `promise`, or the reason of an abort that comes first. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  if (signal?.aborted) reject(signal.reason);
  signal?.addEventListener('abort', () => reject(signal.reason));
  return Promise.race([promise, aborted]);
}

/** Its tasks run on after an abort, but no longer alone. Only callers that wait notice that the lock is free. */
function freesLockOnAbort(store: WatchedStore): Partial<TokenStore> {
  return {
    exclusively: async <T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions) => {
      if (options?.timeout === 0) throw lockHeldError(name, 0, {});
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

/** Its tasks, of those that `isOf` tells from whether the lock is free, begin a moment after it has looked at the signal. */
function looksEarly(isOf: (isFree: boolean) => boolean) {
  return (store: WatchedStore): Partial<TokenStore> => {
    let running = 0;
    return {
      exclusively: async (name, task, options) => {
        const isFree = running++ === 0;
        const later = async (lock: Lock) => {
          for (let tick = 0; isOf(isFree) && tick < 3; tick++) await undefined;
          const result = await task(lock);
          // Another task that waits begins much later than it was asked to.
          if (isFree) await delay(2);
          return result;
        };
        return store.exclusively(name, later, options).finally(() => running--);
      },
    };
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

export const brokenLocks: readonly BrokenStores[] = [
  breaking(/^exclusively runs the tasks of one name one after the other/, {
    'locks nothing': () => ({ exclusively: async (_name, task) => task({ signal: new AbortController().signal }) }),
  }),
  breaking(/^exclusively makes no other name wait/, {
    'lets no other caller read while a task runs': (store) => {
      const inside = new AsyncLocalStorage<true>();
      return {
        get: async (name) =>
          inside.getStore() ? store.get(name) : store.exclusively(name, async () => store.get(name)),
        exclusively: (name, task, options) =>
          store.exclusively(name, (lock) => inside.run(true, () => task(lock)), options),
      };
    },
    'does not say that a task has ended': (store) => ({
      exclusively: async (name, task, options) => {
        const result = await store.exclusively(name, task, options);
        return name.endsWith('xa') ? new Promise(() => {}) : result;
      },
    }),
    'has one lock for all names': (store) => ({
      exclusively: (_name, task, options) => store.exclusively('all', task, options),
    }),
    'cuts names at 255 characters when it locks': (store) => ({
      exclusively: (name, task, options) => store.exclusively(name.slice(0, 255), task, options),
    }),
    'lets a task lock no other name': (store) => {
      const inside = new AsyncLocalStorage<true>();
      return {
        exclusively: async (name, task, options) => {
          if (inside.getStore()) throw new TypeError('exclusively was called within a task');
          return store.exclusively(name, (lock) => inside.run(true, () => task(lock)), options);
        },
      };
    },
  }),
  breaking(/^exclusively gives its task a lock/, {
    'gives its tasks no lock': (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, () => task(undefined as never), options),
    }),
    'lists the name of a lock': (store) => {
      const locked = new Set<string>();
      return {
        list: () => [...store.list(), ...locked],
        exclusively: (name, task, options) =>
          store.exclusively(name, (lock) => task(locked.add(name) && lock), options),
      };
    },
    'gives its tasks a lock that is lost already': (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, () => task({ signal: AbortSignal.abort() }), options),
    }),
    'returns a copy of what its task returns': (store) => ({
      exclusively: async (name, task, options) => structuredClone(await store.exclusively(name, task, options)),
    }),
  }),
  breaking(/^exclusively lets no write of its task come after/, {
    'writes when the task has ended': (store) => ({
      replace: async (name, previous, record) => {
        await delay(50);
        return store.replace(name, previous, record);
      },
    }),
  }),
  breaking(/^exclusively keeps the lock until its task has ended/, {
    'frees the lock of a running task when the signal aborts': freesLockOnAbort,
    'deletes the lock with the record, and is slow': (store) => {
      let queue = new CallerQueue();
      return {
        set: async (name, record) => {
          await delay(30);
          store.set(name, record);
        },
        delete: async (name) => {
          const isThere = store.get(name) !== undefined;
          await delay(150);
          if (isThere) queue = new CallerQueue();
          return store.delete(name);
        },
        exclusively: (name, task, options) => queue.run(name, task, options),
      };
    },
  }),
  breaking(/^exclusively excludes the tasks of another store until/, {
    'frees the lock for another store when the signal aborts': freesLockOnAbort,
    'shares no locks with another process': () => ({ other: new WatchedStore() }),
    'drops what a task returns that has waited for another process': (store) => ({
      other: withMethods(store, {
        exclusively: async (name, task, options) => {
          const result = await store.exclusively(name, task, options);
          return name === 'app' ? (undefined as never) : result;
        },
      }),
    }),
    'has one lock for all names of another process': (store) => ({
      other: withMethods(store, { exclusively: (_name, task, options) => store.exclusively('app', task, options) }),
    }),
  }),
  breaking(/^exclusively never runs the task of a caller that it has rejected/, {
    'runs the task of an aborted caller later': (store) => ({
      exclusively: (name, task, options) => {
        const { signal, ...others } = options ?? {};
        signal?.throwIfAborted();
        return untilAborted(store.exclusively(name, task, others), signal);
      },
    }),
    'runs the task of an aborted caller when all others have had their turn': (store) => ({
      exclusively: (name, task, options) => {
        const later = (): unknown => setTimeout(() => void store.exclusively(name, task), 30);
        options?.signal?.addEventListener('abort', later);
        return store.exclusively(name, task, options);
      },
    }),
    'runs the task of a caller whose signal had aborted before': (store) => ({
      exclusively: (name, task, options) =>
        options?.signal?.aborted
          ? untilAborted(store.exclusively(name, task), options.signal)
          : store.exclusively(name, task, options),
    }),
    'runs the task of a caller whose time was up later': (store) => ({
      exclusively: async (name, task, options) => {
        if (!options?.timeout) return store.exclusively(name, task, options);
        const running = store.exclusively(name, task);
        const late = delay(options.timeout).then(() => {
          throw lockHeldError(name, 30, {});
        });
        return Promise.race([running, late]);
      },
    }),
  }),
  breaking(/^exclusively runs no task after its signal has aborted/, {
    'misses an abort that comes right after the call': (store) => ({
      exclusively: async (name, task, options) => {
        options?.signal?.throwIfAborted();
        await undefined;
        return store.exclusively(name, task, options?.signal?.aborted ? {} : options);
      },
    }),
    'looks at the signal a moment before a task that does not wait': looksEarly((isFree) => isFree),
    'looks at the signal a moment before a task that has waited': looksEarly((isFree) => !isFree),
  }),
  breaking(/^exclusively runs the tasks of one name one after the other/, {
    'refuses to wait for the lock without limit': (store) => ({
      exclusively: async (name, task, options) => {
        if (options?.timeout === Number.POSITIVE_INFINITY) throw new RangeError('timeout must be finite');
        return store.exclusively(name, task, options);
      },
    }),
    // setTimeout makes 1 ms of Infinity.
    'does not wait for the lock at all if it may wait without limit': (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, options?.timeout === Number.POSITIVE_INFINITY ? { timeout: 1 } : options),
    }),
  }),
  breaking(/^exclusively rejects with the error of its task/, {
    'wraps the error of its task': (store) => ({
      exclusively: (name, task, options) =>
        store
          .exclusively(name, task, options)
          .catch((cause) => Promise.reject(new Error('the task failed', { cause }))),
    }),
    'wraps the error of a task that throws at once': (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, (lock) => callOrWrap(() => task(lock)), options),
    }),
    'keeps the lock of a task that rejects': (store) => {
      let hasFailed = false;
      return {
        exclusively: async (name, task, options) => {
          if (hasFailed) throw lockHeldError(name, 0, {});
          const watched = async (lock: Lock) => {
            const running = task(lock);
            running.catch(() => {
              hasFailed = true;
            });
            return running;
          };
          return store.exclusively(name, watched, options);
        },
      };
    },
    'keeps the lock of a task that throws at once': (store) => {
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
  }),
  breaking(/^exclusively rejects at once with a TypeError within its own task/, {
    'waits for itself': (store) => ({
      // Another context does not know of the running task.
      exclusively: (name, task, options) => outside(() => store.exclusively(name, task, options)),
    }),
    'only sees that it waits for itself in the innermost task': (store) => {
      const innermost = new AsyncLocalStorage<string>();
      return {
        exclusively: async (name, task, options) => {
          if (innermost.getStore() === name) throw new TypeError('exclusively would wait for itself');
          return outside(() => store.exclusively(name, (lock) => innermost.run(name, () => task(lock)), options));
        },
      };
    },
  }),
  breaking(/^exclusively may be called by work that a task left running/, {
    'takes work that a task left running for a part of the task': (store) => {
      const names = new AsyncLocalStorage<string>();
      return {
        exclusively: async (name, task, options) => {
          if (names.getStore() === name) throw new TypeError('exclusively would wait for itself');
          return store.exclusively(name, (lock) => names.run(name, () => task(lock)), options);
        },
      };
    },
  }),
  breaking(/^exclusively never runs the task/, {
    'waits although it was told to try once': (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, task, options?.timeout === 0 ? {} : options),
    }),
    'never tries if it is told to try once': (store) => ({
      exclusively: async (name, task, options) => {
        if (options?.timeout === 0) throw lockHeldError(name, 0, {});
        return store.exclusively(name, task, options);
      },
    }),
    'waits longer than its timeout': (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, task, { ...options, timeout: 600_000 }),
    }),
    'hears no abort while it waits': (store) => ({
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
    'hears an abort in the first moment of the wait alone': (store) => ({
      exclusively: (name, task, options) => {
        const heard = new AbortController();
        const hear = (): void => heard.abort(options?.signal?.reason);
        options?.signal?.addEventListener('abort', hear);
        queueMicrotask(() => options?.signal?.removeEventListener('abort', hear));
        options?.signal?.throwIfAborted();
        return store.exclusively(name, task, { ...options, signal: heard.signal });
      },
    }),
    'hears no abort that came before': (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, task, options?.signal?.aborted ? {} : options),
    }),
    'rejects an abort with an error of its own': (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, options).catch((error) => {
          throw options?.signal?.aborted ? new Error('aborted') : error;
        }),
    }),
  }),
  breaking(/^a timeout that exclusively and changed/, {
    'takes any timeout': (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, { ...options, timeout: options?.timeout || 1 }),
    }),
    'takes a negative timeout for none': (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, task, { ...options, timeout: Math.max(options?.timeout ?? 1, 0) }),
    }),
  }),
];
