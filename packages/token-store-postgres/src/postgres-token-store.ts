// `AsyncDisposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  type ChangedOptions,
  checkRecord,
  checkText,
  type ExclusivelyOptions,
  type Lock,
  pause,
  readChangedOptions,
  readExclusivelyOptions,
  type TokenRecord,
  type TokenStore,
  TokenStoreError,
} from 'token-store-kit';
import { openDatabase } from './connection/own-pool.ts';
import { unanswered } from './connection/retry.ts';
import { type Lease, lockLostError } from './lock/lease.ts';
import { Locks } from './lock/locks.ts';
import { copyKey, type Key, type PostgresTokenStoreOptions, readOptions, type Settings } from './options.ts';
import { type Context, openTables } from './records/open-tables.ts';
import { type Outcome, RecordTable } from './records/record-table.ts';
import { nameOf, toStoredName } from './statements.ts';

/** As long as a refresh of shared-token may take by default. */
const closeTimeoutMs = 30_000;

/**
 * Keeps OAuth refresh tokens in PostgreSQL, for the processes of many machines. A write is committed when it resolves. Every method rejects
 * with a {@link TokenStoreError} if the database cannot do what was asked, and with a TypeError for arguments of a wrong type.
 */
export class PostgresTokenStore implements TokenStore, AsyncDisposable {
  /** For `changeKey` of token-store-kit/administration: {@link rekey} itself waits for the locks. */
  readonly waitsToRekey = true;
  readonly #context: Context;
  readonly #records: RecordTable;
  readonly #locks: Locks;
  readonly #isReadOnly: boolean;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /** For {@link openPostgresTokenStore}. */
  constructor(context: Context, { leaseTime, readOnly }: Settings) {
    this.#context = context;
    this.#records = new RecordTable(context);
    this.#locks = new Locks(context, leaseTime);
    this.#isReadOnly = readOnly;
  }

  /** The record of this name, or undefined if there is none. */
  async get(name: string): Promise<TokenRecord | undefined> {
    checkText(name, 'name');
    this.#closing.signal.throwIfAborted();
    try {
      return (await this.#orNothing(undefined, () => this.#records.read(name)))?.record;
    } finally {
      // If the process was stopped for so long that the task's lock may be lost, this aborts the lock's signal.
      this.#locks.leaseFor(name)?.check();
    }
  }

  /**
   * Writes the whole record, whatever was stored before. Prefer {@link replace} for a refreshed token. Within a task of
   * {@link exclusively} for this name, rejects with STORE_BUSY (`lock-lost`) if the lock is lost.
   */
  async set(name: string, record: TokenRecord): Promise<void> {
    checkText(name, 'name');
    const checked = checkRecord(record);
    this.#assertWritable();
    const outcome = await this.#fenced(name, (lease) => this.#records.set(name, checked, lease));
    if (outcome === 'lock-lost') throw lockLostError(name);
  }

  /**
   * Writes the whole record if the stored refresh token, or the access token of a record without one, is still `previous` (undefined: if no
   * record is stored). Otherwise, or within a task of {@link exclusively} for this name whose lock is lost, changes nothing and is false.
   */
  async replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    checkText(name, 'name');
    if (previous !== undefined) checkText(previous, 'previous');
    const checked = checkRecord(record);
    this.#assertWritable();
    const outcome = await this.#fenced(name, (lease) => this.#records.replace(name, previous, checked, lease));
    return outcome === 'written';
  }

  /** Deletes the record of this name. False if there was none. Within a task, rejects if the lock is lost, as {@link set} does. */
  async delete(name: string): Promise<boolean> {
    checkText(name, 'name');
    this.#assertWritable();
    const outcome = await this.#fenced(name, (lease) => this.#records.delete(name, lease));
    if (outcome === 'lock-lost') throw lockLostError(name);
    return outcome === 'written';
  }

  /** The names that have a record, sorted by code point. They are stored in plain text even if there is a key. */
  async list(): Promise<string[]> {
    this.#closing.signal.throwIfAborted();
    const { database, statements } = this.#context;
    const rows = await this.#orNothing([], () => database.read(statements.list));
    const names = rows.map((row) => Buffer.from(nameOf(row)));
    return names.sort(Buffer.compare).map(String);
  }

  /**
   * Runs `task` while no other caller, on any machine, runs one for the same name and table, and returns its result. Callers of one process
   * take turns. Between processes, chance decides, but a process that has just had its turn lets the others go first.
   *
   * The lock is a lease, which this process renews. The lease ends `leaseTime` after the process was killed, stopped or cut off. The signal
   * of `lock` aborts before the lease can end: then, do not ask the provider. Once another caller has the lock, writes of this name within
   * the task change nothing. If the task's last write did not get through, the lease is left to expire, so that the write can come first.
   *
   * Rejects with STORE_BUSY after `timeout`, with host and process of the holder; with `signal.reason` on an abort; with STORE_OPEN if the
   * database cannot be reached, or the store is closed before the task begins; with STORE_KEY if the key was changed; and with a TypeError
   * within such a task for the same name.
   */
  async exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options: ExclusivelyOptions = {}): Promise<T> {
    checkText(name, 'name');
    const { timeout, signal } = readExclusivelyOptions(task, options);
    this.#assertWritable();
    return this.#locks.run(name, task, { timeout, signal, closing: this.#closing.signal });
  }

  /**
   * Resolves when the record may have changed since the call: within milliseconds if the connection can listen, else within about a second;
   * after `timeout` at the latest, even without the database. To miss no change, call it, then `get`, then await it. Rejects with
   * `signal.reason` on an abort, and with STORE_OPEN if the store is closed meanwhile.
   */
  async changed(name: string, options: ChangedOptions): Promise<void> {
    checkText(name, 'name');
    const { timeout, signal } = readChangedOptions(options);
    // Refuses a name that is too long.
    toStoredName(name);
    this.#closing.signal.throwIfAborted();
    await pause(timeout, [this.#closing.signal, signal], (wake) => this.#context.watcher.watch(name, 'record', wake));
  }

  /**
   * Encrypts all tokens with another key, or, with undefined, stores them unencrypted: all of them or, after a crash, none. Stores with
   * the new key among theirs go on. All others get STORE_KEY (`key-changed`) from then on, and could not store a new token. So `rekey`
   * waits until no other caller holds a lock of {@link exclusively}. Rejects with STORE_BUSY after `timeout`, with the holder's
   * host and process.
   *
   * @throws {TypeError} for an empty passphrase, and for bytes that are not 32.
   */
  async rekey(key: Key | undefined, options: ExclusivelyOptions = {}): Promise<void> {
    const next = copyKey(key);
    const { timeout, signal } = readExclusivelyOptions(() => {}, options);
    signal?.throwIfAborted();
    this.#assertWritable();
    const wait = { owners: this.#locks.owners, timeout, signals: [this.#closing.signal, signal] };
    await this.#records.changeKey(next, wait);
  }

  /**
   * Ends the store's own pool. Every call rejects with STORE_OPEN, also a waiting one, or one within a task. So first close what uses the
   * store. Running tasks keep their locks, and have 30 seconds to end.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Calls {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { database, watcher } = this.#context;
    const problem = `${database.name}: this store was closed`;
    this.#closing.abort(new TokenStoreError('STORE_OPEN', problem, { reason: 'closed', remedy: 'Open it again' }));
    watcher.close();
    await this.#locks.idle(closeTimeoutMs);
    await database.close();
  }

  #assertWritable(): void {
    this.#closing.signal.throwIfAborted();
    if (!this.#isReadOnly) return;
    throw new TokenStoreError('STORE_READONLY', `${this.#context.database.name}: this store was opened to read only`);
  }

  /** For a read-only store, which makes no tables, missing tables count as empty. Another store may make them at any time. */
  async #orNothing<T>(nothing: T, read: () => Promise<T>): Promise<T> {
    return read().catch((error: TokenStoreError) => {
      if (this.#isReadOnly && error.reason === 'moved') return nothing;
      throw error;
    });
  }

  /** A write within a task is done only while the task's lock is held. */
  async #fenced(name: string, write: (lease: Lease | undefined) => Promise<Outcome>): Promise<Outcome> {
    const lease = this.#locks.leaseFor(name);
    if (lease?.isLost) return 'lock-lost';
    try {
      const outcome = await write(lease);
      if (lease) lease.isOwing = false;
      if (outcome === 'lock-lost') lease?.lose();
      return outcome;
    } catch (error) {
      const { code, reason } = error as TokenStoreError;
      if (lease) lease.isOwing = reason === 'unreachable' || code === 'STORE_BUSY' || unanswered.has(error as object);
      throw error;
    } finally {
      lease?.check();
    }
  }
}

/**
 * Connects, and makes the tables if they are missing. Any number of hosts may do so at once.
 *
 * @throws {TokenStoreError} STORE_OPEN if the database cannot be reached, refuses the role, or has tables of another program
 * under that name, which are left as they are; STORE_KEY for a wrong or missing key; STORE_VERSION for tables of a newer
 * version; STORE_READONLY if the tables are missing and cannot be made.
 * @throws {TypeError} or RangeError for options that cannot be used.
 */
export async function openPostgresTokenStore(options?: PostgresTokenStoreOptions): Promise<PostgresTokenStore> {
  const settings = readOptions(options);
  const database = await openDatabase(settings);
  try {
    return new PostgresTokenStore(await openTables(database, settings), settings);
  } catch (error) {
    await database.close();
    throw error;
  }
}
