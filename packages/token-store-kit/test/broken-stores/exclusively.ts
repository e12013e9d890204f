import { setTimeout as delay } from 'node:timers/promises';
import { type ExclusivelyOptions, type Lock, lockHeldError, type TokenStore } from '../../src/index.ts';
import type { WatchedStore } from '../watched-store.ts';
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
    fails: /^exclusively does not take two long names for one/,
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
};
