/** What every token store has to do, as cases that any test runner can run. Loads neither SQLite nor a test library. */
import { exclusivelyCases } from './contract-cases/exclusively.ts';
import { recordCases } from './contract-cases/records.ts';
import { sharingCases } from './contract-cases/sharing.ts';
import type { ExclusivelyOptions } from './sqlite-token-store.ts';
import type { TokenRecord } from './token-record.ts';

export type { ExclusivelyOptions, TokenRecord };

/** The methods that the contract is about. A store may be synchronous, asynchronous, or both. */
export interface ContractStore {
  /** The record, or undefined where there is none. */
  get(appName: string): TokenRecord | undefined | Promise<TokenRecord | undefined>;
  /** Writes the record, whatever was there. */
  set(appName: string, record: TokenRecord): void | Promise<void>;
  /** Writes only where the stored refresh token still is `previous` (undefined: none stored). False where it is not. */
  replace(appName: string, previous: string | undefined, record: TokenRecord): boolean | Promise<boolean>;
  /** False where nothing was stored. */
  delete(appName: string): boolean | Promise<boolean>;
  /** The names with a record, sorted. */
  list(): readonly string[] | Promise<readonly string[]>;
  /** Runs `task` while no other caller, in any process, runs one for the same name. */
  exclusively<T>(appName: string, task: () => Promise<T>, options?: ExclusivelyOptions): Promise<T>;
}

/** How the suite comes by its stores. */
export interface StoreContractOptions<Store extends ContractStore> {
  /** A new store without records, for one case. */
  open(): Store | Promise<Store>;
  /** Another store with the same records and locks, as a second process would open it. Without it those cases are left out. */
  share?(store: Store): Store | Promise<Store>;
  /** Called with every store that a case opened. */
  close?(store: Store): unknown;
}

/** One thing that a store has to do. */
export interface ContractCase {
  /** A sentence that is true of a store that passes. */
  readonly name: string;
  /** Rejects with an `AssertionError` of node:assert, or with the store's own error, where it is not. Ends within seconds. */
  run(): Promise<void>;
}

/**
 * The cases for one kind of store:
 *
 *     for (const { name, run } of storeContract({ open: () => new MyStore() })) test(name, run);
 */
export function storeContract<Store extends ContractStore>(options: StoreContractOptions<Store>): ContractCase[] {
  const { open, share, close } = options;
  const cases = { ...recordCases, ...exclusivelyCases };
  const alone = Object.entries(cases).map(([name, check]) => ({
    name,
    run: async () => {
      const store = await open();
      try {
        await check(store);
      } finally {
        await close?.(store);
      }
    },
  }));
  if (!share) return alone;
  const shared = Object.entries(sharingCases).map(([name, check]) => ({
    name,
    run: async () => {
      const store = await open();
      const other = await share(store);
      try {
        await check(store, other);
      } finally {
        await close?.(other);
        await close?.(store);
      }
    },
  }));
  return [...alone, ...shared];
}
