// `Disposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import { checkKey, TokenCipher } from './token-cipher.ts';
import { TokenDatabase } from './token-database.ts';
import { checkRecord, checkText, describe, type TokenRecord } from './token-record.ts';
import { keyChanged, TokenStoreError } from './token-store-error.ts';
import { columns, readPlainRow, recordFields, type TokenRow } from './token-table.ts';

export interface TokenStoreOptions {
  /**
   * Encrypts tokens at rest: a passphrase, or 32 bytes. Default: tokens are stored as they are, in a file that only its
   * owner can read.
   */
  key?: string | Uint8Array;
}

export interface ExclusivelyOptions {
  /** How long to wait for the other callers, in milliseconds. Default 60,000; 0 tries once, Infinity waits for ever. */
  timeout?: number;
  /** Lets go of the queue. A task that runs already is not disturbed. */
  signal?: AbortSignal;
}

const select = `SELECT ${columns} FROM token WHERE app_name = ?`;
const present = "(token.refresh_token <> '' OR token.sealed IS NOT NULL)";
const list = `SELECT app_name FROM token WHERE ${present} ORDER BY app_name`;
const insert = `INSERT INTO token (${columns}, app_name, revision) VALUES (${columns.map(() => '?')}, ?, 1)
ON CONFLICT (app_name) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`)},
  revision = coalesce(token.revision, 0) + 1`;
const insertWhereAbsent = `${insert} WHERE ${present} IS NOT TRUE`;
const update = `UPDATE token SET ${columns.map((column) => `${column} = ?`)}, revision = coalesce(revision, 0) + 1
WHERE app_name = ? AND refresh_token = ?`;
const remove = 'DELETE FROM token WHERE app_name = ?';

/**
 * Keeps OAuth refresh tokens in one SQLite file that many processes share. Every method but `exclusively` is
 * synchronous; a write is on the disk when it returns. A call blocks the event loop while another process writes, which
 * takes milliseconds, and throws STORE_BUSY after 5 seconds.
 *
 * Every method throws a {@link TokenStoreError} where the file cannot do what was asked, and a TypeError for arguments
 * of a wrong type. App names may be any well-formed string.
 */
export class SqliteTokenStore implements Disposable {
  /** The database's file, absolute and without symbolic links. */
  readonly path: string;
  readonly #tokens: TokenDatabase;
  readonly #closing = new AbortController();

  /** See {@link openTokenStore}. */
  constructor(path: string, options: TokenStoreOptions = {}) {
    checkPath(path);
    checkOptions(options);
    this.#tokens = new TokenDatabase(path, options.key === undefined ? undefined : checkKey(options.key));
    this.path = this.#tokens.file.path;
  }

  /** The record of this app name, or undefined where there is none. */
  get(appName: string): TokenRecord | undefined {
    checkText(appName, 'appName');
    return this.#open().attempt(() => this.#read(appName));
  }

  /** Writes the record, whatever was there. Prefer {@link replace} for a refreshed token. */
  set(appName: string, record: TokenRecord): void {
    checkText(appName, 'appName');
    const values = this.#values(appName, checkRecord(record), this.#open().cipher);
    this.#tokens.attempt(() => this.#tokens.statement(insert).run(values, appName));
  }

  /**
   * Writes the record only where the stored refresh token is still `previous` (undefined: where none is stored).
   * Of several processes that replace the same token one wins; the others get false and change nothing.
   */
  replace(appName: string, previous: string | undefined, record: TokenRecord): boolean {
    checkText(appName, 'appName');
    if (previous !== undefined) checkText(previous, 'previous');
    const tokens = this.#open();
    const values = this.#values(appName, checkRecord(record), tokens.cipher);
    if (previous === undefined) {
      return (
        tokens.attempt(() => tokens.statement(insertWhereAbsent).run(values, appName).changes > 0) || this.#missed()
      );
    }
    if (!tokens.cipher) {
      return (
        tokens.attempt(() => tokens.statement(update).run(values, appName, previous).changes > 0) || this.#missed()
      );
    }
    return tokens.transaction(() => {
      if (this.#read(appName)?.refreshToken !== previous) return false;
      tokens.statement(insert).run(values, appName);
      return true;
    });
  }

  /** Forgets the tokens of this app name. False where there were none. */
  delete(appName: string): boolean {
    checkText(appName, 'appName');
    const tokens = this.#open();
    return tokens.attempt(() => tokens.statement(remove).run(appName).changes > 0);
  }

  /** The app names that have tokens, sorted by code point. They are stored in plain text even where there is a key. */
  list(): string[] {
    const tokens = this.#open();
    return tokens.attempt(() => tokens.statement<string>(list).pluck().all());
  }

  /**
   * Runs `task` while no other caller, in this process or another, runs one for the same name in the same file. Callers
   * of one process take turns in the order they came, and processes in roughly that order. Other names do not wait.
   * The lock belongs to the process: it ends with it, however it ends.
   *
   * The task's result or error is passed through. Rejects with STORE_BUSY, naming the process that holds the lock,
   * after `timeout`; with `signal.reason` on an abort; with STORE_OPEN where the store is closed meanwhile; and at once
   * with a TypeError where the caller is itself within such a task for the same name.
   */
  async exclusively<T>(appName: string, task: () => Promise<T>, options: ExclusivelyOptions = {}): Promise<T> {
    checkText(appName, 'appName');
    if (typeof task !== 'function') throw new TypeError(`task must be a function, not ${describe(task)}`);
    checkOptions(options);
    const { timeout = 60_000, signal } = options;
    if (typeof timeout !== 'number') throw new TypeError(`timeout must be a number, not ${describe(timeout)}`);
    if (!(timeout >= 0)) throw new RangeError(`timeout must be 0 or more milliseconds, not ${timeout}`);
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError(`signal must be an AbortSignal, not ${describe(signal)}`);
    }
    signal?.throwIfAborted();
    const database = this.#open().file;
    const signals = [this.#closing.signal, ...(signal ? [signal] : [])];
    // Loaded here because most programs that read a token never get to this point.
    const { runExclusively } = await import('./run-exclusively.ts');
    return runExclusively({ appName, database, timeout, signals }, task);
  }

  /**
   * Encrypts all tokens with another key, or, with undefined, not at all. All of them or, after a crash, none. Other
   * stores that are open on this file get STORE_KEY from then on.
   *
   * @throws {TypeError} for an empty passphrase and for bytes that are not 32.
   */
  rekey(key: string | Uint8Array | undefined): void {
    const next = key === undefined ? undefined : new TokenCipher(checkKey(key));
    const tokens = this.#open();
    this.#checkKey();
    // Programs that do not overwrite what they delete may have left tokens in the unused bytes of the file's pages.
    tokens.attempt(() => tokens.sql.exec('VACUUM'));
    tokens.transaction(() => {
      this.#checkKey();
      tokens.writeKeyCheck(next?.makeCheck());
      for (const appName of this.list()) {
        const record = this.#read(appName);
        if (record) tokens.statement(insert).run(this.#values(appName, record, next), appName);
      }
    });
    tokens.cipher = next;
  }

  /** Idempotent. Callers that wait in {@link exclusively} reject with STORE_OPEN; a task that runs keeps its lock to its end. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new TokenStoreError('STORE_OPEN', this.path, 'this store was closed. Open it again'));
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

  #read(appName: string): TokenRecord | undefined {
    const row = this.#tokens.statement<TokenRow>(select).get(appName);
    return row && this.#record(appName, row);
  }

  #record(appName: string, row: TokenRow): TokenRecord | undefined {
    const { cipher } = this.#tokens;
    if (row.sealed) {
      if (!cipher?.sealed(row.sealed)) throw this.#keyChanged();
      const record = cipher.open(appName, row.sealed);
      if (record) return record;
      throw this.#tokens.error(
        'STORE_CORRUPT',
        `the tokens of ${JSON.stringify(appName)} were changed from outside, or belong to another name. Delete them and sign in again`,
      );
    }
    const record = readPlainRow(row);
    if (record && cipher) throw this.#keyChanged();
    return record;
  }

  #values(appName: string, record: TokenRecord, cipher: TokenCipher | undefined): unknown[] {
    if (cipher) return [...recordFields.map(() => null), cipher.seal(appName, record)];
    return [...recordFields.map((name) => record[name] ?? null), null];
  }

  /** A replace that found another token: false, but for a file with another key by now, where it could not have found any. */
  #missed(): false {
    this.#checkKey();
    return false;
  }

  #checkKey(): void {
    const check = this.#tokens.attempt(() => this.#tokens.readKeyCheck());
    if (check ? !this.#tokens.cipher?.sealed(check.salt) : this.#tokens.cipher) throw this.#keyChanged();
  }

  #keyChanged(): TokenStoreError {
    return this.#tokens.error('STORE_KEY', keyChanged);
  }
}

/**
 * Opens the token database at `path`, and makes it where it is missing: the file with mode 0600, directories with 0700.
 * A file that others can read is closed to them. The file of the original Python class is taken over as it is.
 *
 * @throws {TokenStoreError} STORE_OPEN for a path that cannot be a database or is another program's; STORE_CORRUPT for
 * a damaged file; STORE_KEY for a wrong or missing key; STORE_VERSION for a file of a newer version; STORE_READONLY,
 * STORE_FULL, STORE_BUSY. The file is then left as it was.
 * @throws {TypeError} for arguments of a wrong type, an empty passphrase, and bytes that are not 32.
 */
export function openTokenStore(path: string, options?: TokenStoreOptions): SqliteTokenStore {
  return new SqliteTokenStore(path, options);
}

function checkOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new TypeError(`options must be an object, not ${describe(options)}`);
}

function checkPath(path: unknown): void {
  checkText(path, 'path');
  if (path === '' || path.includes('\0')) throw new TypeError('path must be the name of a file');
  // better-sqlite3 trims names, and would open another file.
  if (path !== path.trimEnd()) throw new TypeError('path must not end with a space');
  if (path === ':memory:' || path.startsWith('file:')) {
    throw new TypeError(`path must be the name of a file, not ${path === ':memory:' ? path : 'a URL'}`);
  }
}
