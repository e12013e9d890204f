/**
 * What every token store has to do, as cases that any test runner can run. Loads neither a database nor a test library.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseUnknown } from './check-text.ts';
import { argumentCases } from './contract-cases/arguments.ts';
import { changedCases } from './contract-cases/changed.ts';
import { exclusivelyCases } from './contract-cases/exclusively.ts';
import { recordCases } from './contract-cases/records.ts';
import { sharingCases } from './contract-cases/sharing.ts';
import { cutCases, leaseCases, processCases } from './process-cases/process-cases.ts';
import { ProcessGroup } from './process-cases/process-group.ts';
import type { TokenStore } from './token-store.ts';

/** One thing that a store has to do. */
export interface ContractCase {
  /** A sentence that is true of a store that passes. */
  readonly name: string;
  /** If the sentence is not true of the store, rejects with an `AssertionError` of node:assert or with the store's own error. */
  run(): Promise<void>;
}

/** How the suite gets its stores. */
export interface StoreContractOptions<Store extends TokenStore> {
  /** A new store without records, for one case. */
  open(): Store | Promise<Store>;
  /**
   * Another store with the same records and locks, as a second process would open it. Default: the cases that need one
   * are left out.
   */
  share?(store: Store): Store | Promise<Store>;
  /** Called with every store that a case opened. */
  close?(store: Store): unknown;
}

/**
 * The cases for one kind of store. Each ends within seconds:
 *
 *     for (const { name, run } of storeContract({ open: () => new MyStore() })) test(name, run);
 */
export function storeContract<Store extends TokenStore>(options: StoreContractOptions<Store>): ContractCase[] {
  const { open, share, close, ...unknown } = options;
  refuseUnknown(unknown);
  const ofOne = { ...recordCases, ...argumentCases, ...exclusivelyCases, ...changedCases };
  const ofTwo = share ? sharingCases : {};
  return Object.entries<(store: Store, other: Store) => Promise<void>>({ ...ofOne, ...ofTwo }).map(([name, check]) => ({
    name,
    run: async () => {
      const store = await open();
      const stores = [store];
      const closeAll = () => Promise.all(stores.map(async (each) => close?.(each)));
      try {
        if (share && name in ofTwo) stores.unshift(await share(store));
        await check(store, stores[0] as Store);
      } catch (error) {
        // The error of the case says more than an error of `close` after it.
        await closeAll().catch(() => {});
        throw error;
      }
      await closeAll();
    },
  }));
}

/** How the processes get their stores. Times are milliseconds. */
export interface StoreProcessContractOptions {
  /**
   * The file, or its URL, of a module that each process imports. It exports `open(place)`, which returns a store or a promise of one. It
   * may export `close(store)`, called in each process that is not killed. All stores with one place share records and locks.
   */
  module: string | URL;
  /** A new place without records, for one round of a case. Default: the path of a file that does not exist, in a new folder of its own. */
  newPlace?(): string | Promise<string>;
  /** Called with each place when its processes have ended. Default: removes the folder of the default place. */
  removePlace?(place: string): unknown;
  /** For a store on a server: cuts its connections for a moment. Then calls may reject as `unreachable`. Default: none is cut. */
  cut?(place: string): unknown;
  /** How long the store's lock outlives a process that is killed. Default 0: the lock ends with its process. */
  leaseTime?: number;
  /** How long a case may take. Default: 60,000 for each round. A round takes at most a few seconds plus a few times `leaseTime`. */
  deadline?: number;
  /** How many names are called at the same time. Each has its own history in each round. Default 2. With 8, a history costs less. */
  names?: number;
  /** How many rounds each case runs. Default 1: four histories in all. A test without a time limit finds more with 100. */
  rounds?: number;
  /** Seed of the random calls, pauses and kills. The system is random as well. Default: a new one each time. A failure shows it. */
  seed?: number;
}

/**
 * The cases for a store that several processes share. The cases for one process are in `storeContract`.
 *
 *     const module = new URL('./open-store.ts', import.meta.url);
 *     for (const { name, run } of storeProcessContract({ module })) test(name, run);
 *
 * In each round of a case, two to four processes make calls at the same time. About 200 calls for one name form a history, which has to be
 * linearizable. A failing case says which process did what, and when. No case leaves a process behind. On Windows no process is stopped.
 */
export function storeProcessContract(options: StoreProcessContractOptions): ContractCase[] {
  const { module, leaseTime = 0, names = 2, rounds = 1, cut, newPlace = newPath, ...rest } = options;
  const { removePlace = newPlace === newPath ? removeFolderOf : undefined, ...others } = rest;
  const { deadline = 60_000 * rounds, seed = Math.floor(Math.random() * 2 ** 32), ...unknown } = others;
  refuseUnknown(unknown);
  if (module === undefined) throw new TypeError('module must be a file or its URL, not undefined');
  // With NaN, no round would run, and each case would pass.
  for (const [name, value] of Object.entries({ names, rounds, leaseTime })) {
    const least = name === 'leaseTime' ? 0 : 1;
    if (!(value >= least)) throw new RangeError(`${name} must be at least ${least}, not ${value}`);
  }
  const url = String(module).startsWith('file:') ? String(module) : pathToFileURL(String(module)).href;
  const program = new URL(`store-process${extname(import.meta.url)}`, import.meta.url);
  const common = { program, module: url, newPlace, removePlace, names, leaseTime, deadline, seed };
  const cases = { ...processCases, ...(leaseTime > 0 && leaseCases), ...(cut && cutCases) };
  return Object.entries(cases).map(([name, check]) => ({
    name,
    run: async () => {
      const group = new ProcessGroup({ ...common, isCut: name in cutCases });
      try {
        await check(group, { names, leaseTime, rounds, cut });
      } finally {
        group.dispose();
      }
    },
  }));
}

async function newPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'store-')), 'store');
}

function removeFolderOf(path: string): Promise<void> {
  return rm(dirname(path), { recursive: true, force: true, maxRetries: 10 });
}
