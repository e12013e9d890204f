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

/** A store for each of these values. */
export function each<T>(values: readonly T[], make: (value: T) => [defect: string, breakIt: BreakIt]) {
  return Object.fromEntries(values.map(make));
}

/** The same store with other methods. */
export function withMethods(store: WatchedStore, methods: Partial<TokenStore>): TokenStore {
  return new Proxy(store, {
    get(_, key) {
      const value = Reflect.get(methods, key) ?? Reflect.get(store, key);
      return typeof value === 'function' ? value.bind(store) : value;
    },
  });
}
