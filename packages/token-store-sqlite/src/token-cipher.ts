import { checkText, describe, type TokenRecord } from './token-record.ts';

/**
 * OWASP's minimum for scrypt with 32 MiB of memory (Password Storage Cheat Sheet): about a quarter of a second, once
 * for each open. Files do not carry these numbers, so that none can ask for less or for hours: another cost is another schema version.
 */
const scryptCost = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 };

const saltLength = 16;
const nonceLength = 12;
const tagLength = 16;

/** What the database keeps to recognize the right key: a salt, and a message that only the right key opens. */
export interface KeyCheck {
  readonly salt: Uint8Array;
  readonly verifier: Uint8Array;
}

// Loaded where a key is used: a program without one does not pay for it at its start.
const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

/**
 * The key, where it is one.
 *
 * @throws {TypeError} for an empty passphrase and for bytes that are not 32.
 */
export function checkKey(key: string | Uint8Array): string | Uint8Array {
  if (key instanceof Uint8Array) {
    if (key.length !== 32) {
      throw new TypeError(
        `key must be 32 bytes or a passphrase, not ${key.length} bytes. crypto.randomBytes(32) makes one`,
      );
    }
    return key;
  }
  if (typeof key !== 'string') throw new TypeError(`key must be a passphrase or 32 bytes, not ${describe(key)}`);
  checkText(key, 'key');
  if (key === '') throw new TypeError('key must not be an empty string. Leave it out to store tokens unencrypted');
  return key;
}

/** Seals records with AES-256-GCM (NIST SP 800-38D) under one key and one salt. The app name is authenticated, not hidden. */
export class TokenCipher {
  readonly salt: Uint8Array;
  readonly #secret: Uint8Array;

  /** Derives the key by scrypt (RFC 7914) from a passphrase, by HKDF (RFC 5869) from bytes. */
  constructor(key: string | Uint8Array, salt: Uint8Array = crypto().randomBytes(saltLength)) {
    this.salt = salt;
    this.#secret =
      typeof key === 'string'
        ? crypto().scryptSync(key.normalize('NFC'), salt, 32, scryptCost)
        : new Uint8Array(crypto().hkdfSync('sha256', key, salt, 'token-store-sqlite', 32));
  }

  /** The cipher for a file's salt, or undefined where `key` is not the one the file was sealed with. */
  static unlock(key: string | Uint8Array, check: KeyCheck): TokenCipher | undefined {
    const cipher = new TokenCipher(key, check.salt);
    return cipher.#open('key', check.verifier) === undefined ? undefined : cipher;
  }

  makeCheck(): KeyCheck {
    return { salt: this.salt, verifier: this.#seal('key', '') };
  }

  /** Salt, nonce, tag and ciphertext: the salt in front lets the database itself refuse what another key sealed. */
  seal(appName: string, record: TokenRecord): Uint8Array {
    return this.#seal(`record\0${appName}`, JSON.stringify(record));
  }

  /** Undefined where the message was changed, moved from another name, or sealed with another key. */
  open(appName: string, sealed: Uint8Array): TokenRecord | undefined {
    const text = this.#open(`record\0${appName}`, sealed);
    return text === undefined ? undefined : (JSON.parse(text) as TokenRecord);
  }

  /** Whether a message was sealed by this cipher and not under an earlier or later key. */
  sealed(message: Uint8Array): boolean {
    return Buffer.compare(message.subarray(0, saltLength), this.salt) === 0;
  }

  #seal(purpose: string, text: string): Uint8Array {
    const nonce = crypto().randomBytes(nonceLength);
    const cipher = crypto().createCipheriv('aes-256-gcm', this.#secret, nonce, { authTagLength: tagLength });
    cipher.setAAD(Buffer.from(`token-store-sqlite\0${purpose}`));
    const body = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([this.salt, nonce, cipher.getAuthTag(), ...body]);
  }

  #open(purpose: string, message: Uint8Array): string | undefined {
    const tag = saltLength + nonceLength;
    if (message.length < tag + tagLength) return undefined;
    const nonce = message.subarray(saltLength, tag);
    const decipher = crypto().createDecipheriv('aes-256-gcm', this.#secret, nonce, { authTagLength: tagLength });
    decipher.setAAD(Buffer.from(`token-store-sqlite\0${purpose}`));
    decipher.setAuthTag(message.subarray(tag, tag + tagLength));
    try {
      return decipher.update(message.subarray(tag + tagLength), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined; // the only cause is a tag that does not fit, and OpenSSL's own words name no remedy
    }
  }
}
