import type { TokenStore } from '../../src/index.ts';
import type { WatchedStore } from '../watched-store.ts';

/** The methods of `store` that a broken store has in another way. `other`: as another process opens it, if not as the same store. */
type BreakIt = (store: WatchedStore) => Partial<TokenStore> & { other?: TokenStore };

export interface BrokenStores {
  /** The name of the case that has to fail. */
  readonly fails: RegExp;
  readonly stores: Record<string, BreakIt>;
}

/** Stores that break what the case `fails` checks, by what is wrong with them. */
export function breaking(fails: RegExp, stores: Record<string, BreakIt>): BrokenStores {
  return { fails, stores };
}
