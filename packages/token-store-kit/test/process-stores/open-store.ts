/** A module for the contract, with several kinds of stores. A place is `PORT KIND: FOLDER`. */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CallerQueue, type TokenRecord, type TokenStore, TokenStoreError } from '../../src/index.ts';
import { LeaseStore, leaseTimeMs } from './lease-store.ts';
import { PortStore, type StoreOfProcesses } from './port-store.ts';

interface Kind {
  open(folder: string, port: number): StoreOfProcesses;
  readonly leaseTime?: number;
}

export const soundStores: Record<string, Kind> = {
  'whose lock ends with its process': { open: (folder, port) => new PortStore(folder, port) },
  'whose lock is a lease': { open: (folder, port) => new LeaseStore(folder, port), leaseTime: leaseTimeMs },
};

interface BrokenKind extends Kind {
  /** The name of the case that has to fail. */
  readonly fails: RegExp;
  /** What that case says. */
  readonly says: RegExp;
}

const turns = /^of several processes/;
const kills = /^a process that is killed/;

/** A lock that is a file, so that it outlives its process: other processes remove it when it is so old. */
function withLockFile(folder: string, staleMs: number): Pick<TokenStore, 'exclusively'> {
  const queue = new CallerQueue();
  const path = join(folder, 'lock');
  const acquire = (): boolean => {
    try {
      closeSync(openSync(path, 'wx'));
      return true;
    } catch {
      if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > staleMs) rmSync(path);
      return false;
    }
  };
  return {
    exclusively: (name, task, options) =>
      queue.run(
        name,
        async (lock) => {
          while (!acquire()) await delay(2);
          try {
            return await task(lock);
          } finally {
            rmSync(path);
          }
        },
        options,
      ),
  };
}

export const brokenStores: Record<string, BrokenKind> = {
  'has a lock that no other process sees': {
    open: (folder, port) => {
      const queue = new CallerQueue();
      return Object.assign(new PortStore(folder, port), { exclusively: queue.run.bind(queue) });
    },
    fails: turns,
    says: /^two processes ran a task for one name at once: process \d+ began one before that of process \d+ had ended\n/,
  },
  'writes after it has said so': {
    open: (folder, port) => {
      const store = new PortStore(folder, port);
      const set = (_name: string, record: TokenRecord): void => {
        setTimeout(() => store.write('record', record), 20);
      };
      return Object.assign(store, { set });
    },
    fails: turns,
    says: /^an update was lost: process \d+ read .*, but "\d+ by process \d+" was written before\n/,
  },
  'says that it has not written what it has': {
    open: (folder, port) => {
      const store = new PortStore(folder, port);
      return Object.assign(store, { replace: () => false });
    },
    fails: turns,
    says: /^the write of process \d+ was refused \(refused\)\n/,
  },
  'writes the two tokens one after the other': {
    open: (folder, port) => {
      const store = new PortStore(folder, port);
      const set = async (name: string, record: TokenRecord): Promise<void> => {
        store.write('record', { ...record, accessToken: store.get(name)?.accessToken });
        await delay(4);
        store.write('record', record);
      };
      return Object.assign(store, {
        set,
        replace: (name: string, _: unknown, record: TokenRecord) => set(name, record).then(() => true),
      });
    },
    fails: kills,
    says: /^process \d+ read a record with parts of two, or less than one\n/,
  },
  'never frees the lock of a killed process': {
    open: (folder, port) => Object.assign(new PortStore(folder, port), withLockFile(folder, Number.POSITIVE_INFINITY)),
    fails: kills,
    says: /^no process had the lock within 5000 ms\n/,
  },
  'frees the lock of a killed process after more than a second': {
    open: (folder, port) => Object.assign(new PortStore(folder, port), withLockFile(folder, 1_300)),
    fails: kills,
    says: /^the lock of a killed process was free after 1\d\d\d ms, with a lease of 0 ms\n/,
  },
  'fails now and then': {
    open: (folder, port) => {
      const get = (): never => {
        throw new TokenStoreError('STORE_OPEN', 'the disk is gone', { reason: 'disk' });
      };
      return Object.assign(new PortStore(folder, port), { get });
    },
    fails: turns,
    says: /^in process \d+ the store failed: TokenStoreError: the disk is gone\n/,
  },
  'does not renew its lease': {
    open: (folder, port) => Object.assign(new LeaseStore(folder, port), { renewEveryMs: 60_000 }),
    leaseTime: leaseTimeMs,
    fails: /^a task that takes longer than the lease/,
    says: /^(three tasks that took longer than 400 ms lost their lock|two processes ran a task)/,
  },
  'has no fence': {
    open: (folder, port) => Object.assign(new LeaseStore(folder, port), { hasFence: false }),
    leaseTime: leaseTimeMs,
    fails: /^a process that is stopped/,
    says: /^(process \d+ wrote without its lock|an update was lost)/,
  },
};

export function open(place: string): StoreOfProcesses {
  const [, port = '', kind = '', folder = ''] = /^(\d+) (.*?): (.*)$/.exec(place) ?? [];
  const { open } = (soundStores[kind] ?? brokenStores[kind]) as Kind;
  return open(folder, Number(port));
}
