import { type KeyCheck, TokenCipher, TokenStoreError, type TokenStoreErrorReason } from 'token-store-kit';
import type { Key } from '../options.ts';

/** Bound into all that is encrypted here. It must not change, because records have been stored with it. */
const domain = 'token-store-postgres';

/** A cipher with a new salt. */
export function newCipher(key: Key): TokenCipher {
  return new TokenCipher({ key, domain });
}

/** The keys of one store. The database says which of them is in use; the others are for reading. */
export class KeyRing {
  readonly #database: string;
  #keys: readonly (Key | undefined)[];
  readonly #ciphers: TokenCipher[] = [];
  /** Undefined: records are written unencrypted. */
  current: TokenCipher | undefined;

  constructor(database: string, keys: readonly (Key | undefined)[]) {
    this.#database = database;
    this.#keys = keys;
  }

  /** The key for tables that have no record yet. */
  get preferred(): Key | undefined {
    return this.#keys[0];
  }

  /** Whether records may be unencrypted. */
  get allowsPlain(): boolean {
    return this.#keys.includes(undefined);
  }

  /** From now on writes with the key that is in use. False if this store does not have it. */
  adopt(check: KeyCheck | undefined): boolean {
    const cipher = check && this.#unlock(check);
    if (check ? !cipher : !this.allowsPlain) return false;
    this.current = cipher;
    return true;
  }

  /** After a change of key: adds the new one, and writes with it. */
  change(key: Key | undefined, cipher: TokenCipher | undefined): void {
    this.#keys = [key, ...this.#keys];
    if (cipher) this.#ciphers.push(cipher);
    this.current = cipher;
  }

  /** The cipher of a sealed record, or of a salt. Undefined if it is not known yet. */
  find(sealed: Uint8Array): TokenCipher | undefined {
    return this.#ciphers.find((cipher) => cipher.matches(sealed));
  }

  /** The error of a store that is opened with keys that do not fit. */
  openError(isEncrypted: boolean): TokenStoreError {
    if (!isEncrypted) {
      const remedy = 'Open it without a key, then encrypt it with rekey(key)';
      return this.#error('not-encrypted', `has tokens that are not encrypted. ${remedy}`);
    }
    if (this.#keys.every((key) => key === undefined)) {
      return this.#error('key-missing', 'has encrypted tokens. Open the store with their key');
    }
    return this.#error('key-wrong', 'has tokens that are encrypted with another key. Open the store with that key');
  }

  /** The error of a store that was open when the key changed. */
  changedError(): TokenStoreError {
    const message =
      'has tokens whose key was changed, added or removed after this store was opened. Open it with the new key';
    return this.#error('key-changed', message);
  }

  /** With a passphrase it takes a quarter of a second for each try, and blocks. */
  #unlock(check: KeyCheck): TokenCipher | undefined {
    const known = this.find(check.salt);
    if (known) return known;
    for (const key of this.#keys) {
      const cipher = key === undefined ? undefined : TokenCipher.unlock({ key, domain }, check);
      if (!cipher) continue;
      this.#ciphers.push(cipher);
      return cipher;
    }
    return undefined;
  }

  #error(reason: TokenStoreErrorReason, message: string): TokenStoreError {
    return new TokenStoreError('STORE_KEY', `${this.#database} ${message}`, { reason });
  }
}
