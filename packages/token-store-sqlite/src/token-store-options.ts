import { checkKey, refuseUnknown } from 'token-store-kit';

/** Options of `openTokenStore`. */
export interface TokenStoreOptions {
  /** Encrypts tokens at rest: a passphrase, or 32 bytes. Default: none, in a file that only its owner can read. */
  key?: string | Uint8Array;
  /**
   * Makes no file, and changes nothing about an existing one. A file that is missing is then STORE_OPEN with the reason
   * `missing`, and every call that writes or locks is STORE_READONLY. Default false.
   */
  readOnly?: boolean;
}

/** The options with their defaults. Throws a TypeError for an unknown option, or a wrong type. */
export function readOptions(options: TokenStoreOptions = {}) {
  const { key, readOnly = false, ...unknown } = options;
  refuseUnknown(unknown);
  if (typeof readOnly !== 'boolean') throw new TypeError(`readOnly must be a boolean, not ${typeof readOnly}`);
  return { key: key === undefined ? undefined : checkKey(key), readOnly };
}
