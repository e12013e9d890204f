import { signInLockName } from 'shared-token';
import { readStoreOptions, type StoreOptions } from '../options.ts';
import { asStoreErrors } from './open-store.ts';

/** A passphrase, or 32 bytes; undefined means no encryption. */
type EncryptionKey = string | Uint8Array | undefined;

/** How long a refresh or a sign-in that is under way may take to end. */
const lockTimeoutMs = 60_000;

/** Two processes must not change the key at the same time. No app name may be the same. */
const changeLock = 'encryption-key\u001f';

/**
 * Changes, adds or removes the encryption of a file. `chooseKey` is called after the file has opened with `encryptionKey`,
 * while no other process refreshes, signs in or changes the key: the result of such a refresh could not be stored any
 * more. What `chooseKey` throws passes through, and then nothing was changed. Throws STORE, also if another process does
 * not finish within 60 seconds. After a crash all tokens have the old key, or all have the new one.
 */
export async function changeEncryptionKey(
  options: Omit<StoreOptions, 'store'>,
  chooseKey: () => EncryptionKey | Promise<EncryptionKey>,
): Promise<void> {
  const { dbFilepath, encryptionKey } = readStoreOptions(options);
  const { openTokenStore } = await import('token-store-sqlite');
  let refusal: { error: unknown } | undefined;
  await asStoreErrors(async () => {
    const store = openTokenStore(dbFilepath as string, encryptionKey === undefined ? {} : { key: encryptionKey });
    // Not `using`: the build would turn it into one more file that every program loads.
    try {
      // A sign-in acquires its two locks in the same order.
      const locks = [changeLock, ...store.list().flatMap((name) => [signInLockName(name), name])];
      const inTurn = async (): Promise<void> => {
        const [lock] = locks.splice(0, 1);
        if (lock !== undefined) return store.exclusively(lock, inTurn, { timeout: lockTimeoutMs });
        let key: EncryptionKey;
        try {
          key = await chooseKey();
        } catch (error) {
          refusal = { error };
          return;
        }
        store.rekey(key);
      };
      await inTurn();
    } finally {
      store.close();
    }
  });
  if (refusal) throw refusal.error;
}
