import type { TokenStore } from '../src/index.ts';

/** The same store, which calls `write` before and `written` after each write of tokens that the provider has just issued. */
export function watchedStore(store: TokenStore, watch: { write?: () => void; written: () => void }): TokenStore {
  const around = async <T>(work: () => T | Promise<T>): Promise<T> => {
    watch.write?.();
    const result = await work();
    watch.written();
    return result;
  };
  return {
    get: (appName) => store.get(appName),
    set: (appName, record) => around(() => store.set(appName, record)),
    replace: (appName, previous, record) => {
      const replace = () => store.replace(appName, previous, record);
      // The other writes only check that the disk can take one.
      return record.refreshToken === previous ? replace() : around(replace);
    },
    delete: (appName) => store.delete(appName),
    list: () => store.list(),
    exclusively: (appName, task, options) => store.exclusively(appName, task, options),
  };
}
