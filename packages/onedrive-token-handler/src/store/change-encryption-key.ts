import type { TokenStore } from 'shared-token';
import { readStoreOptions, type StoreOptions } from '../options.ts';
import { runOnStore } from './open-store.ts';
import { locksOf, withLocks } from './with-locks.ts';

/** A passphrase, or 32 bytes; undefined means no encryption. */
type EncryptionKey = string | Uint8Array | undefined;

/** Two processes must not change the key at the same time. No app name may be the same. */
const changeLock = 'encryption-key\u001f';

/** A store of the caller's own whose encryption can be changed, for example that of token-store-postgres. */
export interface RekeyStore extends TokenStore {
  /** Encrypts every record with another key, or, with undefined, stores them unencrypted: all of them or none. */
  rekey(key: EncryptionKey): void | Promise<void>;
}

/** Which records get another key: those of a file, or of a store of the caller's own, which stays open. */
export interface RekeyOptions extends StoreOptions {
  store?: RekeyStore | undefined;
}

/**
 * Changes, adds or removes the encryption of a file or of a store. `chooseKey` is called after a file has opened with
 * `encryptionKey`, while no other process changes the key, or refreshes or signs in under one of the names that are stored
 * now: the result of such a refresh could not be stored any more. What `chooseKey` throws passes through, and then nothing was
 * changed. Throws STORE, also if another process does not finish within 60 seconds. After a crash all tokens have the old key,
 * or all have the new one.
 */
export async function changeEncryptionKey(
  options: RekeyOptions,
  chooseKey: () => EncryptionKey | Promise<EncryptionKey>,
): Promise<void> {
  const { dbFilepath, encryptionKey } = readStoreOptions(options);
  if (dbFilepath === undefined && typeof options.store?.rekey !== 'function') {
    throw new TypeError('changeEncryptionKey() needs a store with a method rekey()');
  }
  /** What `chooseKey` threw: kept aside, so that it does not become STORE. */
  let refusal: { error: unknown } | undefined;
  const change = async (store: RekeyStore): Promise<void> => {
    const names = await store.list();
    const locks = [changeLock, ...names.flatMap(locksOf)];
    await withLocks(store, locks, async () => {
      let key: EncryptionKey;
      try {
        key = await chooseKey();
      } catch (error) {
        refusal = { error };
        return;
      }
      await store.rekey(key);
    });
  };
  await runOnStore(async () => {
    if (options.store) return change(options.store);
    const { openTokenStore } = await import('token-store-sqlite');
    const store = openTokenStore(dbFilepath as string, encryptionKey === undefined ? {} : { key: encryptionKey });
    // Not `using`: the build would turn it into one more file that every program loads.
    try {
      await change(store);
    } finally {
      store.close();
    }
  });
  if (refusal) throw refusal.error;
}
