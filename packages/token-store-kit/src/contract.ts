/**
 * What every token store has to do, as cases that any test runner can run. Loads neither a database nor a test library.
 */

import { refuseUnknown } from './check-text.ts';
import { argumentCases } from './contract-cases/arguments.ts';
import { changedCases } from './contract-cases/changed.ts';
import { exclusivelyCases } from './contract-cases/exclusively.ts';
import { recordCases } from './contract-cases/records.ts';
import { sharingCases } from './contract-cases/sharing.ts';
import type { TokenStore } from './token-store.ts';

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

/** One thing that a store has to do. */
export interface ContractCase {
  /** A sentence that is true of a store that passes. */
  readonly name: string;
  /**
   * Ends within seconds. If the sentence is not true of the store, rejects with an `AssertionError` of node:assert or
   * with the store's own error.
   */
  run(): Promise<void>;
}

/**
 * The cases for one kind of store:
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
      const other = share && name in ofTwo ? await share(store) : store;
      try {
        await check(store, other);
      } finally {
        if (name in ofTwo) await close?.(other);
        await close?.(store);
      }
    },
  }));
}
