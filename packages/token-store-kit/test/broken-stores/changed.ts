import { setTimeout as delay } from 'node:timers/promises';
import { MemoryStore } from '../memory-store.ts';
import { type BrokenStores, breaking } from './broken-stores.ts';

export const brokenChanged: readonly BrokenStores[] = [
  breaking(/^changed, if the store has it, waits with a timeout of Infinity/, {
    'does not wait for a change at all if it may wait without limit': (store) => ({
      changed: (name, options) =>
        store.changed(name, options.timeout === Number.POSITIVE_INFINITY ? { ...options, timeout: 1 } : options),
    }),
    'refuses to wait for a change without limit': (store) => ({
      changed: async (name, options) => {
        if (options.timeout === Number.POSITIVE_INFINITY) throw new RangeError('timeout must be finite');
        return store.changed(name, options);
      },
    }),
    'does not hear the abort of a wait for a change': (store) => ({
      changed: (name, { timeout }) => store.changed(name, { timeout: Math.min(timeout, 50) }),
    }),
    'waits for a change although the signal had aborted before': (store) => ({
      changed: (name, options) => store.changed(name, options.signal?.aborted ? { timeout: 50 } : options),
    }),
  }),
  breaking(/^changed, if the store has it, resolves soon after another caller/, {
    'wakes no caller after a deletion': (store) => ({
      delete: (name) => MemoryStore.prototype.delete.call(store, name),
    }),
    'wakes the newest caller alone': (store) => {
      let newest = 0;
      return {
        changed: async (name, options) => {
          const own = ++newest;
          do await store.changed(name, options);
          while (own !== newest && options.timeout > 1_000);
        },
      };
    },
    'forgets all callers when one gives up': (store) => {
      let generation = 0;
      return {
        changed: async (name, options) => {
          const own = generation;
          options.signal?.addEventListener('abort', () => generation++);
          do await store.changed(name, options);
          while (own !== generation && options.timeout > 1_000);
        },
      };
    },
    'wakes no caller after a replacement': (store) => ({
      replace: (name, previous, record) => {
        if (store.get(name)?.refreshToken !== previous) return false;
        MemoryStore.prototype.set.call(store, name, record);
        return true;
      },
    }),
  }),
  breaking(/^changed, if the store has it, resolves soon after another caller/, {
    'fails to write, and says that something has changed': (store) => ({
      set: async (name, record) => {
        store.set(name, record);
        throw new Error('not written');
      },
    }),
  }),
  breaking(/^changed, if the store has it, resolves soon after another store/, {
    'wakes no caller after a write of another store': () => ({
      changed: (_name, { signal }) => delay(600_000, undefined, { signal }),
    }),
  }),
  breaking(/^changed, if the store has it, resolves at its timeout/, {
    'says all the time that something may have changed': () => ({ changed: async () => {} }),
    'takes a record for a change, because no two reads give the same object': (store) => ({
      changed: async (name, options) => {
        if (!store.get(name)) await store.changed(name, options);
      },
    }),
    'says 20 times for each change that something may have changed': (store) => {
      let left = 20;
      return {
        changed: async (name, options) => {
          if (options.timeout === 0 || left-- <= 0) await store.changed(name, options);
        },
      };
    },
    'waits longer than it should for a change': (store) => ({
      changed: (name, { timeout, signal }) => store.changed(name, { timeout: timeout && timeout + 2_100, signal }),
    }),
    'waits for a change although it should look once': (store) => ({
      changed: (name, { timeout, signal }) => store.changed(name, { timeout: timeout || 2_100, signal }),
    }),
  }),
  breaking(/^a timeout that exclusively and changed/, {
    'takes any timeout of a wait for a change': (store) => ({
      changed: (name, { timeout }) => store.changed(name, { timeout: timeout || 0 }),
    }),
  }),
];
