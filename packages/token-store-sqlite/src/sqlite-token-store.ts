// `Disposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  type ChangedOptions,
  checkKey,
  checkRecord,
  checkText,
  comparedToken,
  type ExclusivelyOptions,
  type Lock,
  lockHeldError,
  readChangedOptions,
  readExclusivelyOptions,
  refuseUnknown,
  type TokenCipher,
  type TokenRecord,
  type TokenStore,
} from 'token-store-kit';
import { fileError, fileFailures } from 'token-store-kit/files';
import { keyChanged, recordChanged } from './database/file-error.ts';
import { readKeyCheck } from './database/schema.ts';
import { newCipher, TokenDatabase } from './database/token-database.ts';
import { columns, plainValues, readPlainRow, type TokenRow } from './database/token-table.ts';
import { findLockPaths, readHolder } from './lock/lock-paths.ts';
import { findLateLock, runExclusively } from './lock/run-exclusively.ts';

const select = `SELECT ${columns} FROM token WHERE app_name = ?`;
const list =
  "SELECT app_name FROM token WHERE refresh_token <> '' OR access_token <> '' OR sealed IS NOT NULL ORDER BY app_name";
const insert = `INSERT INTO token (${columns}, app_name, revision) VALUES (${columns.map(() => '?')}, ?, 1)
ON CONFLICT (app_name) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`)},
  revision = coalesce(token.revision, 0) + 1`;
const remove = 'DELETE FROM token WHERE app_name = ?';

/** Options of `openTokenStore`. */
export interface TokenStoreOptions {
  /** Encrypts tokens at rest: a passphrase, or 32 bytes. Default: none, in a file that only its owner can read. */
  key?: string | Uint8Array;
  /**
   * Makes no file, and changes nothing about an existing one. A missing file is then STORE_OPEN with the reason `missing`. Calls that
   * write or lock fail with STORE_READONLY. Default false.
   */
  readOnly?: boolean;
}

/**
 * Keeps OAuth refresh tokens in one SQLite file that many processes share. All methods are synchronous, except
 * `exclusively` and `changed`. A write is on the disk when it returns. A call blocks the event loop while another
 * process writes: for milliseconds as a rule. After 5 seconds it throws STORE_BUSY.
 *
 * Every method throws a {@link TokenStoreError} if the file cannot do what was asked, and a TypeError for arguments of
 * a wrong type. An app name may be any well-formed string. Methods without a comment here do what {@link TokenStore} says.
 */
export class SqliteTokenStore implements TokenStore, Disposable {
  /** The database's file, absolute and without symbolic links. */
  readonly path: string;
  readonly #tokens: TokenDatabase;
  readonly #closing = new AbortController();

  /** See {@link openTokenStore}. */
  constructor(path: string, options: TokenStoreOptions = {}) {
    const { key, readOnly = false, ...unknown } = options;
    refuseUnknown(unknown);
    if (typeof readOnly !== 'boolean') throw new TypeError(`readOnly must be a boolean, not ${typeof readOnly}`);
    if (key !== undefined) checkKey(key);
    this.#tokens = new TokenDatabase(path, key, readOnly);
    this.path = this.#tokens.file.path;
  }

  get(appName: string): TokenRecord | undefined {
    checkText(appName, 'appName');
    return this.#open().attempt(() => this.#read(appName));
  }

  set(appName: string, record: TokenRecord): void {
    checkText(appName, 'appName');
    const checked = checkRecord(record);
    const tokens = this.#openToWrite();
    tokens.attempt(() => this.#write(appName, checked, tokens.cipher));
  }

  replace(appName: string, previous: string | undefined, record: TokenRecord): boolean {
    checkText(appName, 'appName');
    if (previous !== undefined) checkText(previous, 'previous');
    const checked = checkRecord(record);
    const tokens = this.#openToWrite();
    return tokens.transaction(() => {
      if (comparedToken(this.#read(appName)) !== previous) return false;
      this.#write(appName, checked, tokens.cipher);
      return true;
    });
  }

  delete(appName: string): boolean {
    checkText(appName, 'appName');
    const tokens = this.#openToWrite();
    return tokens.attempt(() => tokens.statement(remove).run(appName).changes > 0);
  }

  /** The app names that have a record, sorted by code point. They are stored in plain text even if there is a key. */
  list(): string[] {
    const tokens = this.#open();
    // A copy: the driver's array may come from another realm, for example under Jest, and would not equal any array there.
    return [...tokens.attempt(() => tokens.statement<string>(list).pluck().all())];
  }

  /**
   * Runs `task` while no other caller, in any process, runs one for the same name and file, and returns its result. The lock is the
   * kernel's and ends with the process, never before the task: the signal of `lock` never aborts.
   *
   * Rejects with STORE_BUSY after `timeout`, naming the process that holds the lock; with `signal.reason` on an abort; with
   * STORE_OPEN if the store is closed before the task begins; with STORE_KEY if the key was changed; and at once with a TypeError
   * within such a task for this name.
   */
  async exclusively<T>(appName: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    checkText(appName, 'appName');
    const wait = readExclusivelyOptions(task, options);
    // Locking needs a writable store, because a lock is a file beside the database.
    const database = this.#openToWrite().file;
    const checkAndRun = async (lock: Lock): Promise<T> => {
      // If the key was changed, a result of the task could not be stored. So do not ask a person or spend a token for it.
      this.#checkKey();
      return task(lock);
    };
    return runExclusively(appName, checkAndRun, { ...wait, database, closing: this.#closing.signal });
  }

  /**
   * The names whose locks of {@link exclusively} are held now, by any process. Locks of killed processes are included, because a
   * container cannot see which processes of other containers still run. For `changeKey` of token-store-kit/administration.
   */
  lockedNames(): string[] {
    const { file } = this.#open();
    return findLockPaths(file.path).flatMap(({ holder }) => readHolder(holder, file)?.name ?? []);
  }

  /**
   * Resolves within about 40 ms of any write to the file, by any process, or after `timeout`. Never blocks. To miss no
   * change, call it, then `get`, then await it. Rejects with `signal.reason` on an abort, and with STORE_OPEN if the store
   * is closed meanwhile.
   */
  async changed(appName: string, options: ChangedOptions): Promise<void> {
    checkText(appName, 'appName');
    const { timeout, signal } = readChangedOptions(options);
    return this.#open().waitForChange(timeout, [this.#closing.signal, signal]);
  }

  /**
   * Encrypts all tokens with another key, or, with undefined, stores them unencrypted: all of them or, after a crash,
   * none. Other open stores of this file get STORE_KEY from then on, and could not store the result of a running refresh:
   * `changeKey` of token-store-kit/administration waits for such a refresh.
   *
   * @throws {TokenStoreError} STORE_BUSY within `changeKey`, if a first sign-in began after that had looked for some.
   * @throws {TypeError} for an empty passphrase, and for bytes that are not 32.
   */
  rekey(key: string | Uint8Array | undefined): void {
    const next = key === undefined ? undefined : newCipher(key);
    const tokens = this.#openToWrite();
    this.#checkKey();
    // Programs without `secure_delete` may have left tokens in the unused bytes of the file's pages.
    tokens.attempt(() => tokens.sql.exec('VACUUM'));
    // Exclusive: a caller that acquires a lock from here on checks the key only after the change.
    tokens.transaction(() => {
      this.#checkKey();
      const late = findLateLock(tokens.file);
      if (late) {
        const { name = '', pid } = readHolder(late.holder, tokens.file) ?? {};
        throw lockHeldError(name, 0, { path: this.path, pid });
      }
      // With the old key check still there, a record that cannot be read is told from a changed key.
      const records = this.list().map((appName) => [appName, this.#read(appName)] as const);
      tokens.writeKeyCheck(next?.makeCheck());
      for (const [appName, record] of records) if (record) this.#write(appName, record, next);
    }, 'exclusive');
    tokens.cipher = next;
  }

  /** Closes the file. Callers that wait reject with STORE_OPEN. A task that already runs keeps its lock until it ends. */
  close(): void {
    this.#closing.abort(fileError(this.path, fileFailures.closed));
    this.#tokens.sql.close();
  }

  /** Calls {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #open(): TokenDatabase {
    this.#closing.signal.throwIfAborted();
    return this.#tokens;
  }

  #openToWrite(): TokenDatabase {
    const tokens = this.#open();
    if (!tokens.readOnly) return tokens;
    const remedy = 'Open it without readOnly';
    throw fileError(this.path, ['STORE_READONLY', undefined, 'is open for reading only', remedy]);
  }

  #read(appName: string): TokenRecord | undefined {
    const { cipher } = this.#tokens;
    const row = this.#tokens.statement<TokenRow>(select).get(appName);
    if (!row?.sealed) {
      try {
        const record = row && readPlainRow(row);
        if (!record || !cipher) return record;
      } catch {
        throw fileError(this.path, recordChanged(appName, 'read'));
      }
    }
    const record = row?.sealed && cipher?.open(appName, row.sealed);
    if (record) return record;
    this.#checkKey();
    throw fileError(this.path, recordChanged(appName, 'decrypted'));
  }

  #write(appName: string, record: TokenRecord, cipher: TokenCipher | undefined): void {
    const values = plainValues(cipher ? {} : record);
    this.#tokens.statement(insert).run(values, cipher?.seal(appName, record), appName);
  }

  /** Throws STORE_KEY if the file's key is no longer the key of this store. */
  #checkKey(): void {
    const check = this.#tokens.attempt(() => readKeyCheck(this.#tokens.sql));
    if (check ? !this.#tokens.cipher?.matches(check.salt) : this.#tokens.cipher) throw fileError(this.path, keyChanged);
  }
}

/**
 * Opens the token database at `path`, or makes it: the file with mode 0600, missing directories with 0700. Other users lose access to
 * an existing file. A file of the original Python class gets our columns and keeps its tokens.
 *
 * @throws {TokenStoreError} STORE_OPEN for a path that cannot be a database, and for another program's database;
 * STORE_CORRUPT for a damaged file; STORE_KEY for a wrong or missing key; STORE_VERSION for a file of a newer version;
 * STORE_READONLY, STORE_FULL, STORE_BUSY. The file is then left as it was.
 * @throws {TypeError} for arguments of a wrong type, an empty passphrase, and bytes that are not 32.
 */
export function openTokenStore(path: string, options?: TokenStoreOptions): SqliteTokenStore {
  return new SqliteTokenStore(path, options);
}
