/** What every token store that processes share has to do, shown by real processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseUnknown } from './check-text.ts';
import type { ContractCase } from './contract-cases/contract-case.ts';
import { stepTimeoutMs } from './contract-cases/soon.ts';
import { ProcessGroup } from './process-cases/process-group.ts';

/** How the processes get their stores. Times are milliseconds. */
export interface StoreProcessContractOptions {
  /**
   * The file, or its URL, of a module that each process imports. It exports `open(place)`, which returns a store, now or later, and
   * may export `close(store)`, which is called in each process that is not killed. All stores with one place share records and locks.
   */
  module: string | URL;
  /** A new place without records, for one case. Default: the path of a file that does not exist, in a new folder of its own. */
  newPlace?(): string | Promise<string>;
  /** Called with each place when its processes have ended. Default: removes the folder of the default place. */
  removePlace?(place: string): unknown;
  /** How long the store's lock outlives a process that is killed. Default 0: it ends with its process. */
  leaseTime?: number;
  /** How long a case may take. Default: 60,000 for each round. One takes about a second, and a few times `leaseTime`. */
  deadline?: number;
  /** How many times each case does what it does. Default 1; a test that may take its time finds more with 100. */
  rounds?: number;
  /** What pauses and kills depend on, besides the system. Default: another one each time. A failure shows it. */
  seed?: number;
}

async function newPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'store-')), 'store');
}

function removeFolderOf(path: string): Promise<void> {
  return rm(dirname(path), { recursive: true, force: true, maxRetries: 10 });
}

/** A case, with its share of the options. */
type Check = (group: ProcessGroup, options: { leaseTime: number; rounds: number }) => Promise<void>;

/** How much longer than the lease a lock may outlive a killed process, in most cases: the system needs its time as well. */
const freeWithinMs = 1_000;

const cases: Record<string, Check> = {
  'of several processes never two run a task for one name or replace one token, and no update is lost': async (
    group,
    { rounds },
  ) => {
    await group.start(3);
    for (let turn = 0; turn < 50 * rounds; turn++) await group.nextTurn();
  },

  'a process that is killed frees its lock, at once or after the lease, and leaves the old record or the new one':
    async (group, { leaseTime, rounds }) => {
      await group.start(3);
      const waits: number[] = [];
      while (waits.length < 5 * rounds) {
        await group.nextTurn();
        await group.pause(group.random() * 6);
        group.kill();
        const [wait] = await Promise.all([group.nextTurn(leaseTime + stepTimeoutMs), group.start(1)]);
        waits.push(wait);
      }
      const median = waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)] ?? 0;
      if (median > leaseTime + freeWithinMs) {
        group.fail(
          `the lock of a killed process was free after ${Math.round(median)} ms, with a lease of ${leaseTime} ms`,
        );
      }
    },
};

/** On a system that can stop a process. */
const stopCases: Record<string, Check> = {
  'a process that is stopped keeps its lock, or writes nothing without it when it goes on': async (
    group,
    { leaseTime, rounds },
  ) => {
    await group.start(3);
    for (let stop = 0; stop < 3 * rounds; stop++) {
      group.nextPlan = { by: 'set', pauseMs: 30 };
      await group.nextTurn();
      await group.pause(group.random() * 40);
      const goOn = group.stop();
      // With a lease, others have the lock soon after its end, and these pauses may be in the middle of their work.
      await group.pause(leaseTime * 1.3 + 20 + group.random() * 50);
      goOn();
    }
  },
};

/** For a lock that does not end with its process. */
const leaseCases: Record<string, Check> = {
  'a task that takes longer than the lease keeps its lock': async (group, { leaseTime }) => {
    await group.start(2);
    // A process of a busy machine may come too late to renew it, but not each time.
    for (let attempt = 0, before = -1; attempt < 3 && group.judge.overtakes > before; attempt++) {
      before = group.judge.overtakes;
      group.nextPlan = { by: 'set', pauseMs: 1.2 * leaseTime };
      await group.nextTurn();
      await group.nextTurn(3 * leaseTime + stepTimeoutMs);
    }
    if (group.judge.overtakes === 3) group.fail(`three tasks that took longer than ${leaseTime} ms lost their lock`);
  },
};

/**
 * The cases for a store that several processes share. `storeContract` has those for one process:
 *
 *     const module = new URL('./open-store.ts', import.meta.url);
 *     for (const { name, run } of storeProcessContract({ module })) test(name, run);
 *
 * Each case starts two or three processes, which take turns with one lock, and leaves none behind. A case that fails says which
 * process did what, in which order. On Windows no process is stopped.
 */
export function storeProcessContract(options: StoreProcessContractOptions): ContractCase[] {
  const { module, leaseTime = 0, rounds = 1, newPlace = newPath, ...rest } = options;
  const { removePlace = newPlace === newPath ? removeFolderOf : undefined, ...others } = rest;
  const { deadline = 60_000 * rounds, seed = Math.floor(Math.random() * 2 ** 32), ...unknown } = others;
  refuseUnknown(unknown);
  if (module === undefined) throw new TypeError('module must be a file or its URL, not undefined');
  const url = String(module).startsWith('file:') ? String(module) : pathToFileURL(String(module)).href;
  const program = new URL(`store-process${extname(import.meta.url)}`, import.meta.url);
  const checks = { ...cases, ...(process.platform !== 'win32' && stopCases), ...(leaseTime > 0 && leaseCases) };
  return Object.entries(checks).map(([name, check]) => ({
    name,
    run: async () => {
      const place = await newPlace();
      const group = new ProcessGroup({ program, module: url, place, leaseTime, deadline, seed });
      try {
        await check(group, { leaseTime, rounds });
        await group.end();
      } finally {
        await group.dispose();
        await removePlace?.(place);
      }
    },
  }));
}
