import { checkText, kindOf, refuseUnknown } from './check-text.ts';
import type { TokenRecord } from './token-record.ts';

/**
 * OWASP's minimum for scrypt with 32 MiB of memory (Password Storage Cheat Sheet): about a quarter of a second, once
 * for each salt. The numbers are not stored with the data. Otherwise an attacker who can write the data could ask for
 * less work, or for hours of it.
 */
const scryptCost = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 };

/** Length of a salt, with which every sealed message begins. */
export const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** What a store keeps to recognize the right key: the salt, and a message that only the right key opens. */
export interface KeyCheck {
  readonly salt: Uint8Array;
  readonly verifier: Uint8Array;
}

/** Options of {@link TokenCipher}. */
export interface CipherOptions {
  /** A passphrase, or 32 bytes. */
  key: string | Uint8Array;
  /**
   * The name of the kind of store, such as the name of its package. It must never change. Every message is bound to it:
   * another kind of store cannot open the message, even with the same key.
   */
  domain: string;
  /** 16 bytes. Default: new random ones. */
  salt?: Uint8Array;
}

// Loaded when a key is used: an import would make the start of every program that reads a token a fifth longer.
const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

/**
 * Returns the key if it is valid.
 *
 * @throws {TypeError} for an empty passphrase, for bytes that are not 32, and for anything else.
 */
export function checkKey(key: string | Uint8Array): string | Uint8Array {
  if (isBytes(key)) {
    if (key.length === keyBytes) return key;
    throw new TypeError(
      `key must be 32 bytes or a passphrase, not ${key.length} bytes. crypto.randomBytes(32) makes one`,
    );
  }
  if (typeof key !== 'string') throw new TypeError(`key must be a passphrase or 32 bytes, not ${kindOf(key)}`);
  checkText(key, 'key');
  if (key === '') throw new TypeError('key must not be an empty string. Leave it out to store tokens unencrypted');
  return key;
}

/** The last derived secret: reopening a store need not derive it again. The passphrase is in the program's memory anyway. */
let lastDerived: { passphrase: string; salt: Uint8Array; secret: Uint8Array } | undefined;

function deriveSecret(passphrase: string, salt: Uint8Array): Uint8Array {
  if (lastDerived?.passphrase !== passphrase || Buffer.compare(lastDerived.salt, salt) !== 0) {
    const secret = crypto().scryptSync(passphrase, salt, keyBytes, scryptCost);
    lastDerived = { passphrase, salt: Uint8Array.from(salt), secret };
  }
  return lastDerived.secret;
}

/**
 * Seals records with AES-256-GCM (NIST SP 800-38D) under one key and one salt. A sealed record is bound to its name and
 * to the domain; the name itself is not hidden. A sealed message is salt, nonce, tag and ciphertext. Its salt tells
 * which key it belongs to, so that a store can read records under an old and a new key at once.
 */
export class TokenCipher {
  readonly salt: Uint8Array;
  readonly #domain: string;
  readonly #secret: Uint8Array;

  /**
   * Derives the secret from a passphrase by scrypt (RFC 7914), which blocks for a quarter of a second, or from bytes by
   * HKDF (RFC 5869).
   *
   * @throws {TypeError} for an invalid key (see {@link checkKey}), and for a salt that is not 16 bytes.
   */
  constructor(options: CipherOptions) {
    const { key, domain, salt = crypto().randomBytes(saltBytes), ...unknown } = options;
    refuseUnknown(unknown);
    checkKey(key);
    checkText(domain, 'domain');
    if (!isSalt(salt)) throw new TypeError(`salt must be ${saltBytes} bytes`);
    this.salt = Uint8Array.from(salt);
    this.#domain = domain;
    this.#secret =
      typeof key === 'string'
        ? deriveSecret(key.normalize('NFC'), salt)
        : new Uint8Array(crypto().hkdfSync('sha256', key, salt, domain, keyBytes));
  }

  /** The cipher for stored data, or undefined if the data was sealed with another key, or the check was changed. */
  static unlock({ key, domain }: Omit<CipherOptions, 'salt'>, check: KeyCheck): TokenCipher | undefined {
    if (!isSalt(check.salt)) return undefined;
    const cipher = new TokenCipher({ key, domain, salt: check.salt });
    return cipher.#open('key', check.verifier) === undefined ? undefined : cipher;
  }

  /** What to store beside the records, for {@link TokenCipher.unlock}. */
  makeCheck(): KeyCheck {
    return { salt: this.salt, verifier: this.#seal('key', '') };
  }

  /** Seals the record as one message. Two messages of the same record differ. The name must be well-formed: see {@link checkText}. */
  seal(name: string, record: TokenRecord): Uint8Array {
    return this.#seal(`record\0${name}`, JSON.stringify(record));
  }

  /** The record, or undefined if the message was changed, or was sealed for another name or domain, or with another key or salt. */
  open(name: string, sealed: Uint8Array): TokenRecord | undefined {
    const text = this.#open(`record\0${name}`, sealed);
    return text === undefined ? undefined : (JSON.parse(text) as TokenRecord);
  }

  /** Whether a sealed message, or the salt of a check, belongs to this cipher's key, not to an earlier or later one. */
  matches(sealed: Uint8Array): boolean {
    return Buffer.compare(sealed.subarray(0, saltBytes), this.salt) === 0;
  }

  #seal(purpose: string, text: string): Uint8Array {
    const nonce = crypto().randomBytes(nonceBytes);
    const cipher = crypto().createCipheriv('aes-256-gcm', this.#secret, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(`${this.#domain}\0${purpose}`));
    const body = [cipher.update(text), cipher.final()];
    return Buffer.concat([this.salt, nonce, cipher.getAuthTag(), ...body]);
  }

  #open(purpose: string, message: Uint8Array): string | undefined {
    const tagStart = saltBytes + nonceBytes;
    const bodyStart = tagStart + tagBytes;
    // The tag does not cover the salt.
    if (message.length < bodyStart || !this.matches(message)) return undefined;
    const nonce = message.subarray(saltBytes, tagStart);
    const decipher = crypto().createDecipheriv('aes-256-gcm', this.#secret, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(`${this.#domain}\0${purpose}`));
    decipher.setAuthTag(message.subarray(tagStart, bodyStart));
    try {
      return Buffer.concat([decipher.update(message.subarray(bodyStart)), decipher.final()]).toString();
    } catch {
      return undefined; // The only cause is a tag that does not fit.
    }
  }
}

function isSalt(salt: unknown): boolean {
  return isBytes(salt) && salt.length === saltBytes;
}

/** Compares the tag, not the class: a test runner may have its own Uint8Array class. */
function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}
