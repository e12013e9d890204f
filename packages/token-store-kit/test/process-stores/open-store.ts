/** A module for the contract, with several kinds of stores. A place is JSON: `[KIND, FOLDER, PORTS]`. A kind that is not broken is a sound store with a lease. */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CallerQueue, type TokenRecord, type TokenStore, TokenStoreError } from '../../src/index.ts';
import { LeaseStore, leaseTimeMs } from './lease-store.ts';
import { PortStore } from './port-store.ts';

interface Kind {
  readonly Store: typeof PortStore;
  readonly leaseTime?: number;
}

const ofProcess: Kind = { Store: PortStore };
const ofLease: Kind = { Store: LeaseStore, leaseTime: leaseTimeMs };

interface BrokenKind extends Kind {
  /** What it has in another way. */
  breakIt(store: PortStore): Partial<TokenStore> | Partial<LeaseStore>;
  /** If it is a matter of luck. Default: 1. */
  readonly rounds?: number;
  /** The name of the case that has to fail. */
  readonly fails: RegExp;
  /** What that case says. */
  readonly says: RegExp;
}

const queue = new CallerQueue();

/** A lock that is a file, so that it outlives its process: other processes remove it when it is so old. */
function lockFile(path: string, staleMs: number): Partial<TokenStore> {
  const acquire = (): boolean => {
    try {
      closeSync(openSync(path, 'wx'));
      return true;
    } catch {
      const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
      if (Date.now() - mtimeMs > staleMs) rmSync(path);
      return false;
    }
  };
  return {
    exclusively: (name, task, options) =>
      queue.run(
        name,
        async (lock) => {
          while (!acquire()) await delay(2);
          return task(lock).finally(() => rmSync(path));
        },
        options,
      ),
  };
}

const turns = /^of several processes/;
const kills = /^a process that is killed/;

export const brokenStores: Record<string, BrokenKind> = {
  'has a lock that no other process sees': {
    ...ofProcess,
    breakIt: () => ({ exclusively: queue.run.bind(queue) }),
    fails: turns,
    says: /^two processes ran a task for one name at once: process \d+ began one before that of process \d+ had ended\n/,
  },
  'writes after it has said so': {
    ...ofProcess,
    breakIt: (store) => ({ set: (name, record) => void setTimeout(() => store.write(name, record), 20) }),
    fails: turns,
    says: /^an update was lost: process \d+ read .*, but "\d+ by process \d+" was written before\n/,
  },
  'says that it has not written what it has': {
    ...ofProcess,
    breakIt: () => ({ replace: () => false }),
    fails: turns,
    says: /^the write of process \d+ was refused \(refused\)\n/,
  },
  'compares, and writes later': {
    ...ofProcess,
    breakIt: (store) => ({
      replace: async (name, previous, record) => {
        if (store.get(name)?.refreshToken !== previous) return false;
        await delay(1);
        store.write(name, record);
        return true;
      },
    }),
    fails: turns,
    says: /^processes \d+ and \d+ have both replaced (no record|"\d+ by process \d+")\n/,
  },
  'writes the two tokens one after the other': {
    ...ofProcess,
    breakIt: (store) => {
      const set = async (name: string, record: TokenRecord): Promise<void> => {
        store.write(name, { ...record, accessToken: store.get(name)?.accessToken });
        await delay(20);
        store.write(name, record);
      };
      const replace = store.replace.bind(store);
      return {
        set,
        replace: async (name, ...rest) =>
          name === 'app' ? set(name, rest[1]).then(() => true) : replace(name, ...rest),
      };
    },
    rounds: 3,
    fails: kills,
    says: /^process \d+ read a record with parts of two, or less than one\n/,
  },
  'never frees the lock of a killed process': {
    ...ofProcess,
    breakIt: (store) => lockFile(store.path('lock'), Number.POSITIVE_INFINITY),
    fails: kills,
    says: /^no process had the lock within 5000 ms\n/,
  },
  'frees the lock of a killed process after more than a second': {
    ...ofProcess,
    breakIt: (store) => lockFile(store.path('lock'), 1_300),
    fails: kills,
    says: /^the lock of a killed process was free after \d{4} ms, with a lease of 0 ms\n/,
  },
  'fails now and then': {
    ...ofProcess,
    breakIt: (store) => ({
      get: (name) => {
        if (name !== 'app') return store.read(name) as TokenRecord;
        throw new TokenStoreError('STORE_OPEN', 'the disk is gone', { reason: 'disk' });
      },
    }),
    fails: turns,
    says: /^in process \d+ the store failed: TokenStoreError: the disk is gone\n/,
  },
  'does not renew its lease': {
    ...ofLease,
    breakIt: () => ({ renews: false }),
    fails: /^a task that takes longer than the lease/,
    says: /^three tasks that took longer than 400 ms lost their lock\n/,
  },
  'has no fence': {
    ...ofLease,
    breakIt: () => ({ hasFence: false }),
    rounds: 3,
    fails: /^a process that is stopped/,
    says: /^(process \d+ wrote without its lock|an update was lost)/,
  },
};

export function open(place: string): PortStore {
  const [kind, folder, ports] = JSON.parse(place);
  const { Store, breakIt }: Kind & Partial<BrokenKind> = brokenStores[kind] ?? ofLease;
  const store = new Store(folder, ports);
  return Object.assign(store, breakIt?.(store));
}
