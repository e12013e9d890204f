import { readStoreOptions, type StoreOptions } from './options.ts';
import { asStoreErrors, openStore } from './record-keeper.ts';
import type { TokenStore } from './token-store.ts';

/** The app names that have tokens, sorted; none where the file does not exist. Throws STORE. */
export function listAppNames(options: StoreOptions = {}): Promise<string[]> {
  return withExistingStore(options, [], (store) => store.list());
}

/** Forgets the tokens of one app name, whatever client id they are of. False where there were none. Throws STORE. */
export function forgetTokens(appName: string, options: StoreOptions = {}): Promise<boolean> {
  return withExistingStore(options, false, (store) => store.delete(appName));
}

async function withExistingStore<T>(
  options: StoreOptions,
  nothing: T,
  work: (store: TokenStore) => T | Promise<T>,
): Promise<T> {
  const checked = readStoreOptions(options);
  // An import of node:fs loads its promises as well, which every program that imports the handler would pay for.
  const { existsSync } = process.getBuiltinModule('node:fs');
  if (checked.dbFilepath !== undefined && !existsSync(checked.dbFilepath)) return nothing;
  const { store, close } = await openStore(checked);
  try {
    return await asStoreErrors(() => work(store));
  } finally {
    close();
  }
}
