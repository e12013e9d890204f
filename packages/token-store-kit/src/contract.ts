/**
 * What every token store has to do, as cases that any test runner can run. Loads neither a database nor a test library.
 */

import { refuseUnknown } from './check-text.ts';
import { argumentCases } from './contract-cases/arguments.ts';
import { changedCases } from './contract-cases/changed.ts';
import type { ContractCase } from './contract-cases/contract-case.ts';
import { exclusivelyCases } from './contract-cases/exclusively.ts';
import { recordCases } from './contract-cases/records.ts';
import { sharingCases } from './contract-cases/sharing.ts';
import type { TokenStore } from './token-store.ts';

export type { ContractCase } from './contract-cases/contract-case.ts';
export { type StoreProcessContractOptions, storeProcessContract } from './process-contract.ts';

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
