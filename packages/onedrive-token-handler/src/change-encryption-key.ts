import { readStoreOptions, type StoreOptions } from './options.ts';
import { asStoreErrors } from './record-keeper.ts';
import { signInLock } from './sign-in-lock.ts';

/** A passphrase, or 32 bytes; undefined stands for no encryption. */
type EncryptionKey = string | Uint8Array | undefined;

/** Milliseconds for a refresh or a sign-in that is under way. */
const patience = 60_000;

/** Held by whoever changes the key, so that two never choose one at the same time. No app name may be the same. */
const changeLock = 'encryption-key\u001f';

/**
 * Encrypts the tokens of a file with another key, or no longer. `chooseKey` is called when the file has opened with
 * `encryptionKey` and while no other process refreshes, signs in or changes the key: what a refresh brings could not be
 * stored under the old one. What it throws passes through, and nothing was changed then. Throws STORE, after 60 seconds
 * where another process does not finish. A crash leaves the old key or the new one in force, for all tokens.
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
    // Not `using`, which the build would turn into one more file that every program loads.
    try {
      // In the order in which a sign-in takes its two.
      const locks = [changeLock, ...store.list().flatMap((name) => [signInLock(name), name])];
      const inTurn = async (): Promise<void> => {
        const [lock] = locks.splice(0, 1);
        if (lock !== undefined) return store.exclusively(lock, inTurn, { timeout: patience });
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
