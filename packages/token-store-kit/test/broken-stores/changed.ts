import { setTimeout as delay } from 'node:timers/promises';
import { MemoryStore } from '../memory-store.ts';
import type { BrokenStore } from './broken-store.ts';

export const brokenChanged: Record<string, BrokenStore> = {
  'does not wait for a change at all if it may wait without limit': {
    breakIt: (store) => ({
      changed: (name, options) =>
        store.changed(name, options.timeout === Number.POSITIVE_INFINITY ? { ...options, timeout: 1 } : options),
    }),
    fails: /^changed, if the store has it, waits with a timeout of Infinity/,
  },
  'refuses to wait for a change without limit': {
    breakIt: (store) => ({
      changed: async (name, options) => {
        if (options.timeout === Number.POSITIVE_INFINITY) throw new RangeError('timeout must be finite');
        return store.changed(name, options);
      },
    }),
    fails: /^changed, if the store has it, waits with a timeout of Infinity/,
  },
  'wakes no caller after a deletion': {
    breakIt: (store) => ({ delete: (name) => MemoryStore.prototype.delete.call(store, name) }),
    fails: /^changed, if the store has it, resolves soon after another caller/,
  },
  'wakes no caller after a replacement': {
    breakIt: (store) => ({
      replace: (name, previous, record) => {
        if (store.get(name)?.refreshToken !== previous) return false;
        MemoryStore.prototype.set.call(store, name, record);
        return true;
      },
    }),
    fails: /^changed, if the store has it, resolves soon after another caller/,
  },
  'wakes no caller after a write of another store': {
    breakIt: () => ({ changed: (_name, { signal }) => delay(600_000, undefined, { signal }) }),
    fails: /^changed, if the store has it, resolves soon after another store/,
  },
  'says all the time that something may have changed': {
    breakIt: () => ({ changed: async () => {} }),
    fails: /^changed, if the store has it, resolves at its timeout/,
  },
  'waits longer than it should for a change': {
    breakIt: (store) => ({
      changed: (name, { timeout, signal }) => store.changed(name, { timeout: timeout + 2_100, signal }),
    }),
    fails: /^changed, if the store has it, resolves at its timeout/,
  },
  'does not hear the abort of a wait for a change': {
    breakIt: (store) => ({ changed: (name, { timeout }) => store.changed(name, { timeout: Math.min(timeout, 50) }) }),
    fails: /^changed, if the store has it, waits with a timeout of Infinity/,
  },
  'waits for a change although the signal had aborted before': {
    breakIt: (store) => ({
      changed: (name, options) => store.changed(name, options.signal?.aborted ? { timeout: 50 } : options),
    }),
    fails: /^changed, if the store has it, waits with a timeout of Infinity/,
  },
  'takes any timeout of a wait for a change': {
    breakIt: (store) => ({ changed: (name, { timeout }) => store.changed(name, { timeout: timeout || 0 }) }),
    fails: /^a timeout that exclusively and changed/,
  },
};
