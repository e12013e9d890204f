/** A module for the contract, with several kinds of stores. A place is JSON: `[KIND, FOLDER, PORTS]`. A kind that is not broken is a sound store with a lease. */
import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CallerQueue,
  type LockWait,
  type MaybePromise,
  pause,
  type TokenRecord,
  type TokenStore,
  TokenStoreError,
} from '../../src/index.ts';
import { LeaseStore, leaseTimeMs, lockLost } from './lease-store.ts';
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
  /** Whether a file `cut` in its folder says that the store is not reached. */
  readonly isCut?: boolean;
  /** Default: 5, which make ten histories in each case. */
  readonly rounds?: number;
  /** Whether the long tests alone have it. */
  readonly isLong?: boolean;
  /** The name of the case that has to fail. */
  readonly fails: RegExp;
  /** What that case says. */
  readonly says: RegExp;
}

const queue = new CallerQueue();

function fail(): never {
  throw new TokenStoreError('STORE_OPEN', 'the disk is gone', { reason: 'disk' });
}

/** A lock that is a file, so that it outlives its process: that of a dead process is removed when it is so old. */
function lockFile(store: PortStore, staleMs: number): TokenStore['exclusively'] {
  const isLeft = (path: string): boolean => {
    try {
      // Throws as well if the process was killed before it had written its id.
      process.kill(Number.parseInt(readFileSync(path, 'utf8'), 10), 0);
      return false;
    } catch {
      const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
      return Date.now() - mtimeMs > staleMs;
    }
  };
  const acquire = async (path: string): Promise<boolean> => {
    try {
      writeFileSync(path, `${process.pid}`, { flag: 'wx' });
      return true;
    } catch {
      // One at a time: another may have removed it, and have its own there now.
      if (isLeft(path)) await store.withPort(1, () => isLeft(path) && rmSync(path));
      return false;
    }
  };
  return (name, task, options) => {
    const path = store.path(`lock of ${name}`);
    const acquireInTime = async ({ deadline, signals }: LockWait) => {
      for (; !(await acquire(path)); await pause(20, signals)) if (performance.now() > deadline) return undefined;
      return () => rmSync(path, { force: true });
    };
    return queue.run(name, task, { ...options, acquire: acquireInTime });
  };
}

const turns = /^of several processes/;
const kills = /^a process that is killed/;

/** On a busy machine, the task may write before its caller has ended the wait. */
const ranTooLate =
  /^process \d+ (ran a task after it had ended the wait for it|wrote without its lock, which process \d+ had)\n/;

export const brokenStores: Record<string, BrokenKind> = {
  'has a lock that no other process sees': {
    ...ofProcess,
    breakIt: () => ({ exclusively: queue.run.bind(queue) }),
    fails: turns,
    says: /^two processes ran a task for one name at once: process \d+ began one before that of process \d+ had ended\n/,
  },
  'ends its process without an error': {
    ...ofProcess,
    breakIt: (store) => {
      let left = 40;
      const get = store.get.bind(store);
      return { get: (name) => (--left > 0 ? get(name) : process.exit()) };
    },
    fails: turns,
    says: /^process \d+ ended too early \(exit 0\)\n/,
  },
  'writes after it has said so': {
    ...ofProcess,
    breakIt: (store) => ({ set: (name, record) => void setTimeout(() => store.write(name, record), 20) }),
    isLong: true,
    fails: turns,
    says: /^an update was lost: process \d+ (reads|replaces|deletes) .*, but ("\d+ by process \d+"|no record)( or .*)? was stored\n/,
  },
  'says that it has not written what it has': {
    ...ofProcess,
    breakIt: (store) => {
      const replace = store.replace.bind(store);
      return { replace: (...args) => replace(...args).then(() => false) };
    },
    isLong: true,
    fails: turns,
    says: /^an update was lost: /,
  },
  'compares, and writes later': {
    ...ofProcess,
    breakIt: (store) => ({
      replace: async (name, previous, record) => {
        if (store.recordOf(name)?.refreshToken !== previous) return false;
        await delay(1);
        store.write(name, record);
        return true;
      },
    }),
    isLong: true,
    fails: turns,
    says: /^an update was lost: /,
  },
  'writes the two tokens one after the other': {
    ...ofProcess,
    breakIt: (store) => ({
      set: async (name: string, record: TokenRecord): Promise<void> =>
        store.withPort(1, async () => {
          store.write(name, { ...record, accessToken: 'not yet' });
          await delay(20);
          store.write(name, record);
        }),
    }),
    fails: turns,
    says: /^process \d+ read a torn record: parts of two writes, or an incomplete one\n/,
  },
  'never frees the lock of a killed process': {
    ...ofProcess,
    breakIt: (store) => ({ exclusively: lockFile(store, Number.POSITIVE_INFINITY) }),
    fails: kills,
    says: /^process \d+ has waited for 5000 ms\n/,
  },
  'frees the lock of a killed process after more than a second': {
    ...ofProcess,
    breakIt: (store) => ({ exclusively: lockFile(store, 1_300) }),
    rounds: 1,
    fails: kills,
    says: /^the lock of a killed process was free after \d{4} ms, with a lease of 0 ms\n/,
  },
  'ends the lock of another process when a caller gives up': {
    ...ofProcess,
    breakIt: (store) => {
      const exclusively = lockFile(store, Number.POSITIVE_INFINITY);
      return {
        exclusively: (name, ...args) =>
          exclusively(name, ...args).catch((error) => {
            rmSync(store.path(`lock of ${name}`), { force: true });
            throw error;
          }),
      };
    },
    fails: turns,
    says: /^two processes ran a task for one name at once/,
  },
  'runs the task of a caller that it has told to give up': {
    ...ofProcess,
    breakIt: (store) => {
      const exclusively = lockFile(store, Number.POSITIVE_INFINITY);
      return {
        exclusively: (name, task, options) => {
          const late = new Promise<never>((_, reject) => {
            const { timeout = 60_000, signal } = options ?? {};
            setTimeout(() => reject(new TokenStoreError('STORE_BUSY', 'too late')), timeout).unref();
            signal?.addEventListener('abort', () => reject(signal.reason));
          });
          return Promise.race([exclusively(name, task), late]);
        },
      };
    },
    isLong: true,
    fails: turns,
    says: ranTooLate,
  },
  'does not hear the signal of a caller that waits for another process': {
    ...ofProcess,
    breakIt: (store) => ({
      exclusively: (name, task, { timeout } = {}) =>
        queue.run(name, (lock) => store.withPort(0, () => task(lock)), { timeout }),
    }),
    fails: turns,
    says: ranTooLate,
  },
  'fails now and then': {
    ...ofProcess,
    breakIt: () => ({ set: fail }),
    isLong: true,
    fails: turns,
    says: /^process \d+ could not go on, because the store has failed: TokenStoreError: the disk is gone\n/,
  },
  'fails instead of a wait': {
    ...ofProcess,
    breakIt: (store) => {
      const exclusively = store.exclusively.bind(store);
      return {
        exclusively: async (name, task, options) =>
          options?.timeout === undefined ? exclusively(name, task, options) : fail(),
      };
    },
    fails: turns,
    says: /^process \d+ could not go on, because the store has failed: TokenStoreError: the disk is gone\n/,
  },
  'writes again what it has written without an answer': {
    ...ofProcess,
    breakIt: (store) => {
      const set = store.set.bind(store);
      return {
        set: async (name, record) => {
          await set(name, record);
          if (!existsSync(store.path('cut'))) return;
          for (const ms of [5, 20, 60]) setTimeout(set, ms, name, record);
          throw unreachable();
        },
      };
    },
    isCut: true,
    fails: /^a call that does not reach the store/,
    says: /^an update was lost: /,
  },
  'writes, and says that it has lost its lock': {
    ...ofLease,
    breakIt: (store) => {
      const set = store.set.bind(store);
      return {
        set: async (name, record) => {
          await set(name, record);
          throw lockLost();
        },
      };
    },
    fails: turns,
    says: /^an update was lost: /,
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
    fails: turns,
    says: /^(process \d+ wrote without its lock, which process \d+ had|an update was lost: .*)\n/,
  },
};

function unreachable(): TokenStoreError {
  return new TokenStoreError('STORE_OPEN', 'there was no answer', { reason: 'unreachable' });
}

/**
 * The store does all that a sound one may do: a write whose connection is cut has happened or not, and a caller whose time is up may hear
 * that the store is unreachable. It writes down each call, and fails if a caller makes two at once, or has not waited after such an answer.
 */
function doAllThatIsAllowed(store: PortStore): Partial<TokenStore> {
  const [get, set, replace] = [store.get.bind(store), store.set.bind(store), store.replace.bind(store)];
  const [remove, exclusively] = [store.delete.bind(store), store.exclusively.bind(store)];
  const note = (kind: string, name: string): void =>
    appendFileSync(store.path('calls'), `${kind} of ${name} by ${process.pid}\n`);
  const refusedAt = new Map<string, number>();
  let cuts = 0;
  const busy = new Set<string>();
  const alone = async <T>(name: string, call: () => MaybePromise<T>): Promise<T> => {
    if (busy.has(name)) fail();
    busy.add(name);
    await delay(3);
    try {
      return await call();
    } finally {
      busy.delete(name);
    }
  };
  const write = async <T>(kind: string, name: string, call: () => MaybePromise<T>): Promise<T> => {
    note(kind, name);
    if (!existsSync(store.path('cut'))) return call();
    if (performance.now() - (refusedAt.get(name) ?? 0) < 40) fail();
    if (++cuts % 2 === 0) await call();
    refusedAt.set(name, performance.now());
    throw unreachable();
  };
  return {
    get: (name) => {
      note('get', name);
      return alone(name, () => get(name));
    },
    set: (name, record) => alone(name, () => write('set', name, () => set(name, record))),
    replace: (name, previous, record) =>
      alone(name, () => write('replace', name, () => replace(name, previous, record))),
    delete: (name) => alone(name, () => write('delete', name, () => remove(name))),
    exclusively: async (name, task, options) => {
      note(options?.signal ? 'signal' : options?.timeout === undefined ? 'exclusively' : 'timeout', name);
      if (options?.timeout !== undefined && options.timeout < 5) throw unreachable();
      return exclusively(name, task, options);
    },
  };
}

export function open(place: string): PortStore {
  const [kind, folder, ports] = JSON.parse(place);
  const { Store, breakIt }: Kind & Partial<BrokenKind> = brokenStores[kind] ?? {
    ...ofLease,
    breakIt: doAllThatIsAllowed,
  };
  const store = new Store(folder, ports);
  return Object.assign(store, breakIt?.(store));
}

export async function close(store: PortStore): Promise<void> {
  await delay(10);
  appendFileSync(store.path('closed'), '.');
}
