import type { TokenStore } from '../../src/index.ts';
import type { WatchedStore } from '../watched-store.ts';

/** A store that breaks one promise. */
export interface BrokenStore {
  /** The methods of `store` that it has in another way. */
  breakIt(store: WatchedStore): Partial<TokenStore>;
  /** The store as another process opens it. Default: the broken store itself. */
  other?(store: WatchedStore): TokenStore;
  /** The name of the case that has to fail. */
  fails: RegExp;
}
