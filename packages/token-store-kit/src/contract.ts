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
        // It says more than a store that cannot be closed after that.
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
   * The file, or its URL, of a module that each process imports. It exports `open(place)`, which returns a store, now or later, and
   * may export `close(store)`, which is called in each process that is not killed. All stores with one place share records and locks.
   */
  module: string | URL;
  /** A new place without records, for one round of a case. Default: the path of a file that does not exist, in a new folder of its own. */
  newPlace?(): string | Promise<string>;
  /** Called with each place when its processes have ended. Default: removes the folder of the default place. */
  removePlace?(place: string): unknown;
  /** For a store that is elsewhere: cuts its connections for a moment. Then it may say that it is `unreachable`. Default: none is cut. */
  cut?(place: string): unknown;
  /** How long the store's lock outlives a process that is killed. Default 0: it ends with its process. */
  leaseTime?: number;
  /** How long a case may take. Default: 60,000 for each round. One takes a few seconds at most, and a few times `leaseTime`. */
  deadline?: number;
  /** For how many names at once calls are made. Each has a history of its own in each round. Default 2. With 8, a history costs less. */
  names?: number;
  /** How many times each case makes such histories. Default 1: four in all. A test that may take its time finds more with 100. */
  rounds?: number;
  /** What calls, pauses and kills depend on, besides the system. Default: another one each time. A failure shows it. */
  seed?: number;
}

/**
 * The cases for a store that several processes share. `storeContract` has those for one process:
 *
 *     const module = new URL('./open-store.ts', import.meta.url);
 *     for (const { name, run } of storeProcessContract({ module })) test(name, run);
 *
 * In each round of a case, two to four processes make calls at the same time. The calls for a name, about 200, are a history. Each has to be
 * linearizable. A case that fails says which process did what, and when. None leaves a process behind. On Windows no process is stopped.
 */
export function storeProcessContract(options: StoreProcessContractOptions): ContractCase[] {
  const { module, leaseTime = 0, names = 2, rounds = 1, cut, newPlace = newPath, ...rest } = options;
  const { removePlace = newPlace === newPath ? removeFolderOf : undefined, ...others } = rest;
  const { deadline = 60_000 * rounds, seed = Math.floor(Math.random() * 2 ** 32), ...unknown } = others;
  refuseUnknown(unknown);
  if (module === undefined) throw new TypeError('module must be a file or its URL, not undefined');
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
