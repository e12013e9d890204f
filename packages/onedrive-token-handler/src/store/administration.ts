/** Administration of stored tokens, of any client id, in a file or in a store of the caller's own. The work is token-store-kit's. */
import { type TokenRecord, type TokenStore, toStoreError } from 'shared-token';
import {
  changeKey,
  forgetRecord,
  listNames,
  type MoveOutcome,
  moveRecord,
  type RekeyStore,
  type StoreKey,
} from 'token-store-kit/administration';
import type { TokenStoreInspection } from 'token-store-sqlite';
import { refuseUnknown } from '../check-value.ts';
import { belongToDifferentAccounts } from '../id-token.ts';
import { type OneDriveTokenError, toHandlerError } from '../one-drive-token-error.ts';
import { readStoreOptions, type StoreOptions, type StoreSettings } from '../options.ts';
import { openStore, runOnStore } from './open-store.ts';

/** What {@link inspectStore} has found: see `inspectTokenStore` of token-store-sqlite. `error` is STORE. */
export type StoreInspection = Omit<TokenStoreInspection, 'error'> & { readonly error: OneDriveTokenError | undefined };

/** Diagnoses a file that does not work, and finds the holders of its locks. Makes, changes and locks nothing. */
export async function inspectStore(options: Pick<StoreOptions, 'dbFilepath'> = {}): Promise<StoreInspection> {
  const { dbFilepath = '' } = readStoreOptions(options);
  const { inspectTokenStore } = await import('token-store-sqlite');
  const { error, ...found } = inspectTokenStore(dbFilepath);
  return { ...found, error: error && (toHandlerError(toStoreError(error)) as OneDriveTokenError) };
}

/** Which records get another key: those of a file, or of a store of the caller's own, which stays open. */
export interface RekeyOptions extends StoreOptions {
  store?: RekeyStore | undefined;
}

/** From where to where `moveTokens` moves. */
export interface MoveOptions {
  /** Where the tokens are. */
  from: StoreOptions;
  /** Where they go. Its file is made if it is missing. */
  to: StoreOptions;
}

/** The app names that have tokens, sorted; none if the file does not exist. Does not change the file. Throws STORE. */
export async function listAppNames(options: StoreOptions = {}): Promise<string[]> {
  return (await withStore(readStoreOptions(options), 'read', listNames)) ?? [];
}

/** Deletes the tokens of one app name, of any client id. False if there were none. Throws STORE. */
export async function forgetTokens(appName: string, options: StoreOptions = {}): Promise<boolean> {
  return (await withStore(readStoreOptions(options), 'write', (store) => forgetRecord(store, appName))) ?? false;
}

/**
 * The record of one app name, of any client id, with its tokens; undefined if there is none. Makes and changes no file.
 * With `readOnly: false`, rolls back the unfinished write of a killed process. Throws STORE.
 */
export async function readRecord(
  appName: string,
  options: StoreOptions = {},
  { readOnly = true }: { readOnly?: boolean } = {},
): Promise<TokenRecord | undefined> {
  return withStore(readStoreOptions(options), readOnly ? 'read' : 'write', (store) => store.get(appName));
}

/**
 * Changes, adds or removes the encryption of a file or of a store. `chooseKey` is called after a file has opened with
 * `encryptionKey`, while no other process changes the key. If `chooseKey` throws, its error passes through, and nothing is changed.
 * Waits for the refreshes and sign-ins of other processes; throws STORE, also if they take longer than 60 seconds. After a crash all
 * tokens have the old key, or all have the new one.
 */
export async function changeEncryptionKey(
  options: RekeyOptions,
  chooseKey: () => StoreKey | Promise<StoreKey>,
): Promise<void> {
  const settings = readStoreOptions(options);
  if (settings.store && !('rekey' in settings.store)) {
    throw new TypeError('changeEncryptionKey() needs a store with a method rekey()');
  }
  await withStore(settings, 'create', (store) => changeKey(store as RekeyStore, chooseKey));
}

/**
 * Moves the tokens of one app name to another store, under the locks of both: a refresh or a sign-in that is under way ends
 * first. At no moment can both stores' programs use the sign-in. If this process is killed, nothing is lost, and the next call
 * with the same stores finishes the move: see `moveRecord` of token-store-kit. Throws STORE.
 */
export async function moveTokens(appName: string, options: MoveOptions): Promise<MoveOutcome> {
  const { from, to, ...unknown } = options;
  refuseUnknown(unknown);
  const target = readStoreOptions(to);
  const isSameAccount = (moved: TokenRecord, present: TokenRecord): boolean =>
    !belongToDifferentAccounts(moved.idToken, present.idToken);
  const outcome = await withStore(readStoreOptions(from), 'write', (source) =>
    withStore(target, 'create', (store) => moveRecord({ source, target: store, name: appName, isSameAccount })),
  );
  return outcome ?? 'not-signed-in';
}

/** Makes no file without `create`: returns undefined if there is none. */
async function withStore<T>(
  settings: StoreSettings,
  access: 'read' | 'write' | 'create',
  work: (store: TokenStore) => T | Promise<T>,
): Promise<T | undefined> {
  const { dbFilepath } = settings;
  if (access !== 'create' && dbFilepath !== undefined && (await isMissing(dbFilepath))) return undefined;
  const { store, close } = openStore(settings, access === 'read');
  try {
    return await runOnStore(() => work(store));
  } finally {
    close();
  }
}

/** False also if a folder above the file cannot be entered: the attempt to open the file then says what is wrong. */
async function isMissing(path: string): Promise<boolean> {
  // Loaded here, because all of node:fs would add a tenth to the import of this package.
  const { statSync } = await import('node:fs');
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
