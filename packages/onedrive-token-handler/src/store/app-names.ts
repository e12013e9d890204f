import type { TokenRecord, TokenStore } from 'shared-token';
import { readStoreOptions, type StoreOptions } from '../options.ts';
import { openStore, runOnStore } from './open-store.ts';
import { appNamesIn, movingName } from './unfinished-move.ts';

/** The app names that have tokens, sorted; none if the file does not exist. Throws STORE. */
export function listAppNames(options: StoreOptions = {}): Promise<string[]> {
  return withExistingStore(options, [], async (store) => appNamesIn(await store.list()));
}

/** Deletes the tokens of one app name, whatever client id they are of. False if there were none. Throws STORE. */
export function forgetTokens(appName: string, options: StoreOptions = {}): Promise<boolean> {
  return withExistingStore(options, false, async (store) => {
    const isMoving = await store.delete(movingName(appName));
    return (await store.delete(appName)) || isMoving;
  });
}

/** What is stored under one app name, whatever client id it is of; undefined if nothing is. It has the tokens. Throws STORE. */
export function readRecord(appName: string, options: StoreOptions = {}): Promise<TokenRecord | undefined> {
  return withExistingStore<TokenRecord | undefined>(options, undefined, (store) => store.get(appName));
}

async function withExistingStore<T>(
  options: StoreOptions,
  nothing: T,
  work: (store: TokenStore) => T | Promise<T>,
): Promise<T> {
  const checked = readStoreOptions(options);
  // An import of node:fs would load node:fs/promises too, and slow down every program that imports the handler.
  const { existsSync } = process.getBuiltinModule('node:fs');
  if (checked.dbFilepath !== undefined && !existsSync(checked.dbFilepath)) return nothing;
  const { store, close } = openStore(checked);
  try {
    return await runOnStore(() => work(store));
  } finally {
    await close();
  }
}
