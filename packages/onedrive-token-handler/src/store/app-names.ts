import type { TokenRecord, TokenStore } from 'shared-token';
import { readStoreOptions, type StoreOptions } from '../options.ts';
import { fileExists, openStore, runOnStore } from './open-store.ts';
import { appNamesIn, movingName } from './unfinished-move.ts';

const readOnly = { readOnly: true };

/** The app names that have tokens, sorted; none if the file does not exist. Changes nothing about a file. Throws STORE. */
export function listAppNames(options: StoreOptions = {}): Promise<string[]> {
  return withExistingStore(options, readOnly, [], async (store) => appNamesIn(await store.list()));
}

/** Deletes the tokens of one app name, whatever client id they are of. False if there were none. Throws STORE. */
export function forgetTokens(appName: string, options: StoreOptions = {}): Promise<boolean> {
  return withExistingStore(options, {}, false, async (store) => {
    const isMoving = await store.delete(movingName(appName));
    return (await store.delete(appName)) || isMoving;
  });
}

/**
 * What is stored under one app name, whatever client id it is of; undefined if nothing is. It has the tokens. Changes nothing
 * about a file, and makes none. Throws STORE.
 */
export function readRecord(appName: string, options: StoreOptions = {}): Promise<TokenRecord | undefined> {
  return withExistingStore<TokenRecord | undefined>(options, readOnly, undefined, (store) => store.get(appName));
}

async function withExistingStore<T>(
  options: StoreOptions,
  access: { readOnly?: boolean },
  nothing: T,
  work: (store: TokenStore) => T | Promise<T>,
): Promise<T> {
  const checked = readStoreOptions(options);
  if (checked.dbFilepath !== undefined && !fileExists(checked.dbFilepath)) return nothing;
  const { store, close } = openStore(checked, access);
  try {
    return await runOnStore(() => work(store));
  } finally {
    await close();
  }
}
