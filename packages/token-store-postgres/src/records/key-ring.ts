import { type KeyCheck, TokenCipher, type TokenRecord, TokenStoreError } from 'token-store-kit';
import type { Row } from '../connection/database.ts';
import type { Key } from '../options.ts';
import { packageName } from '../statements.ts';

export function newCipher(key: Key): TokenCipher {
  return new TokenCipher({ key, domain: packageName });
}

/** For each reason: how the message continues after the database's name, and the remedy. */
const words = {
  'not-encrypted': ['has tokens that are not encrypted', 'Open it without a key, then encrypt it with rekey(key)'],
  'key-missing': ['has encrypted tokens', 'Open the store with their key'],
  'key-wrong': ['has tokens that are encrypted with another key', 'Open the store with that key'],
  'key-changed': [
    'had its encryption key changed, added or removed while this store was open',
    'Open the store with the new key',
  ],
} as const;

/** The keys of one store. Writes use the key that the database says is in use; the other keys are for reading. */
export class KeyRing {
  readonly #database: string;
  readonly #keys: (Key | undefined)[];
  readonly #ciphers: TokenCipher[] = [];
  /** False if the tables had no record and no key in use when they were opened. Then the first write has to put a key in use. */
  isDecided = false;
  /** Undefined: records are written unencrypted. */
  #current: TokenCipher | undefined;

  constructor(database: string, keys: readonly (Key | undefined)[]) {
    this.#database = database;
    this.#keys = [...keys];
  }

  /** The key for tables that have no record yet. */
  get preferred(): Key | undefined {
    return this.#keys[0];
  }

  get #allowsPlain(): boolean {
    return this.#keys.includes(undefined);
  }

  /** Encrypts with the key of `check` from now on; undefined: not at all. @throws {TokenStoreError} STORE_KEY if this store lacks it. */
  adopt(check: KeyCheck | undefined): void {
    const cipher = check && this.#unlock(check);
    if (check ? !cipher : !this.#allowsPlain) throw this.#error(this.#refusal(check));
    this.#current = cipher;
    this.isDecided = true;
  }

  /** Whether it is known that writes use the key with this salt (base64); empty: none; nullish: not known. */
  isUsing(salt: string | null | undefined): boolean {
    if (!this.isDecided || typeof salt !== 'string') return false;
    return salt ? this.#current?.matches(Buffer.from(salt, 'base64')) === true : this.#current === undefined;
  }

  /** Adds a key to those of this store, because the database may say from now on that it is in use, with the salt of `cipher`. */
  add(key: Key | undefined, cipher: TokenCipher | undefined): void {
    if (!this.#keys.includes(key)) this.#keys.push(key);
    if (cipher && !this.#ciphers.includes(cipher)) this.#ciphers.push(cipher);
  }

  /** Whether {@link open} has the cipher that it needs. If not, the database may have changed to another key of this store. */
  canOpen({ sealed }: Row): boolean {
    return sealed ? this.#find(Buffer.from(sealed, 'base64')) !== undefined : this.#allowsPlain;
  }

  open(name: string, row: Row): TokenRecord {
    if (row.key_named === 't') {
      if (!this.canOpen(row)) throw this.#error('key-changed');
      // In tables with a key, an unencrypted record is another program's, even if this store allows unencrypted data.
      if (row.record) return JSON.parse(row.record);
    }
    const bytes = Buffer.from(row.sealed ?? '', 'base64');
    const opened = this.#find(bytes)?.open(name, bytes);
    if (opened) return opened;
    const problem = `${this.#database}: the tokens of ${JSON.stringify(name)} cannot be decrypted: another program changed them, or copied them from another name`;
    const details = { reason: 'record-changed', remedy: 'Delete them and sign in again' } as const;
    throw new TokenStoreError('STORE_CORRUPT', problem, details);
  }

  /** Encrypts a record with the key that is in use. */
  seal(name: string, record: TokenRecord): { json: string | null; sealed: Uint8Array | null; salt: Uint8Array | null } {
    const cipher = this.#current;
    if (!cipher) return { json: JSON.stringify(record), sealed: null, salt: null };
    return { json: null, sealed: cipher.seal(name, record), salt: cipher.salt };
  }

  #refusal(check: KeyCheck | undefined): keyof typeof words {
    if (this.isDecided) return 'key-changed';
    if (!check) return 'not-encrypted';
    return this.#keys.every((key) => key === undefined) ? 'key-missing' : 'key-wrong';
  }

  #error(reason: keyof typeof words): TokenStoreError {
    const [problem, remedy] = words[reason];
    return new TokenStoreError('STORE_KEY', `${this.#database} ${problem}`, { reason, remedy });
  }

  /** The cipher of a sealed record, or of a salt, if {@link adopt} has unlocked it before. */
  #find(sealed: Uint8Array): TokenCipher | undefined {
    return this.#ciphers.find((cipher) => cipher.matches(sealed));
  }

  /** With a passphrase, each try blocks the event loop for a quarter of a second. */
  #unlock(check: KeyCheck): TokenCipher | undefined {
    const known = this.#find(check.salt);
    if (known) return known;
    for (const key of this.#keys) {
      const cipher = key === undefined ? undefined : TokenCipher.unlock({ key, domain: packageName }, check);
      if (cipher) return this.#ciphers[this.#ciphers.push(cipher) - 1];
    }
    return undefined;
  }
}
