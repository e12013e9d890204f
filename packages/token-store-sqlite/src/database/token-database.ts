/** This folder has the SQLite file: how it is found, made, extended, read and written. */
import type Database from 'better-sqlite3';
import { type KeyCheck, pause, TokenCipher } from 'token-store-kit';
import { fileError, systemCode } from 'token-store-kit/files';
import { DatabaseFile } from './database-file.ts';
import { toTokenStoreError } from './file-error.ts';
import { extendOriginal, inspectTables, viewAsOurs } from './schema.ts';

/** How long a call may block the event loop while other processes write. One write takes a few milliseconds. */
const busyLimitMs = 5_000;
/** SQLite's pauses between two tries grow to 100 ms, so that one writer of many starves. Starting anew keeps the pauses short. */
const busyRoundMs = 200;
/** The pause between two polls for a change. A poll takes some microseconds. */
const lookIntervalMs = 40;

/** Bound into all encrypted data. Must not change, because existing files have it. */
const domain = 'token-store-sqlite';

export function newCipher(key: string | Uint8Array): TokenCipher {
  return new TokenCipher({ key, domain });
}

export class TokenDatabase {
  readonly file: DatabaseFile;
  readonly readOnly: boolean;
  readonly sql: Database.Database;
  cipher: TokenCipher | undefined;
  readonly #statements = new Map<string, Database.Statement>();
  /** Whether the file was not ours when it was opened, and may not be changed. */
  #isView = false;

  /** @throws {TokenStoreError} if the file cannot be used; it is then left as it was. */
  constructor(path: string, key: string | Uint8Array | undefined, readOnly: boolean) {
    this.readOnly = readOnly;
    this.file = new DatabaseFile(path, { readOnly });
    let sql: Database.Database | undefined;
    try {
      sql = this.attempt(() => this.file.connect({ timeout: busyRoundMs, readonly: readOnly }));
      this.sql = sql;
      this.cipher = this.#prepare(key);
    } catch (error) {
      this.file.giveUp(sql);
      sql?.close();
      throw error;
    }
  }

  /** Runs `work`, again and again while other processes keep the database locked. SQLite's errors become TokenStoreErrors. */
  attempt<T>(work: () => T): T {
    let deadline: number | undefined;
    for (;;) {
      try {
        this.file.check();
        return this.#isView ? this.#view(work) : work();
      } catch (error) {
        deadline ??= performance.now() + busyLimitMs - busyRoundMs;
        if (isBusy(error) && performance.now() <= deadline) continue;
        throw toTokenStoreError(this.file.path, error, { mayWrite: !this.readOnly });
      }
    }
  }

  /** Runs `work` in one transaction that has the write lock from its start. Nobody else reads during an exclusive one. */
  transaction<T>(work: () => T, kind: 'immediate' | 'exclusive' = 'immediate'): T {
    return this.attempt(() => this.sql.transaction(work)[kind]());
  }

  /** See `SqliteTokenStore.changed`. Each of `signals` ends the wait with its reason. */
  async waitForChange(timeout: number, signals: readonly (AbortSignal | undefined)[]): Promise<void> {
    const deadline = performance.now() + timeout;
    // With undefined: while another connection writes, nothing is known. Its commit shows at the next poll.
    const unchanged = [undefined, this.#countCommits()];
    do {
      await pause(Math.min(deadline - performance.now(), lookIntervalMs), signals);
    } while (performance.now() < deadline && unchanged.includes(this.#countCommits()));
  }

  /** Call it within a transaction: the triggers refuse every record that does not fit the new key. */
  writeKeyCheck(check: KeyCheck | undefined): void {
    this.sql.exec('DELETE FROM token_key');
    if (check) this.sql.prepare('INSERT INTO token_key (salt, verifier) VALUES (?, ?)').run(check.salt, check.verifier);
  }

  /** A prepared statement, made at its first use and kept. */
  statement<Row = unknown>(text: string): Database.Statement<unknown[], Row> {
    const statement = this.#statements.get(text) ?? this.sql.prepare(text);
    this.#statements.set(text, statement);
    return statement as Database.Statement<unknown[], Row>;
  }

  /** Differs after a commit of this connection or of another one. Undefined while another one writes, without waiting for it. */
  #countCommits(): string | undefined {
    this.sql.pragma('busy_timeout = 0');
    try {
      this.file.check();
      const own = this.statement('SELECT total_changes()').pluck().get();
      return `${own} ${this.statement('PRAGMA data_version').pluck().get()}`;
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw toTokenStoreError(this.file.path, error);
    } finally {
      this.sql.pragma(`busy_timeout = ${busyRoundMs}`);
    }
  }

  #prepare(key: string | Uint8Array | undefined): TokenCipher | undefined {
    const { readOnly } = this;
    // In one transaction: no other process writes meanwhile, and SQLite has rolled back an unfinished write of a crashed process.
    const { owner, check } = this.attempt(() => this.sql.transaction(inspectTables)(this.sql, this.file.path));
    this.sql.exec('PRAGMA temp_store = MEMORY');
    // From here on the file is known not to be another program's, and may be changed.
    if (!readOnly) {
      this.attempt(() => this.file.makePrivate(this.sql));
      // A WAL would keep old tokens readable. A file has one only if another program changed the journal mode.
      const pragmas = 'PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON';
      this.attempt(() => this.sql.exec(pragmas));
    }
    if (check) return this.#unlock(key, check);
    if (key !== undefined && owner !== 'nobody') this.attempt(() => this.#refuseToEncrypt());
    this.#isView = readOnly && owner !== 'ours';
    if (readOnly || (owner === 'ours' && key === undefined)) return undefined;
    // The Python class leaves replaced tokens in the unused bytes of the file's pages.
    if (owner === 'original') this.attempt(() => this.sql.exec('VACUUM'));
    // Before the transaction: a passphrase takes a quarter of a second, in which other processes should be able to write.
    const cipher = key === undefined ? undefined : newCipher(key);
    return this.transaction(() => this.#makeOurs(key, cipher));
  }

  /** Runs `work` with our columns visible. Another process may have made the file ours by now, and encrypted it. */
  #view<T>(work: () => T): T {
    return this.sql.transaction(() => {
      this.sql.exec(viewAsOurs(inspectTables(this.sql, this.file.path).owner));
      return work();
    })();
  }

  /** Inspects the file once more: before this process had the write lock, another one may have extended or encrypted the file. */
  #makeOurs(key: string | Uint8Array | undefined, cipher: TokenCipher | undefined): TokenCipher | undefined {
    const { owner, check } = inspectTables(this.sql, this.file.path);
    if (owner !== 'ours') this.sql.exec(extendOriginal);
    if (check) return this.#unlock(key, check);
    if (cipher) {
      this.#refuseToEncrypt();
      this.writeKeyCheck(cipher.makeCheck());
    }
    return cipher;
  }

  #unlock(key: string | Uint8Array | undefined, check: KeyCheck): TokenCipher {
    const { path } = this.file;
    if (key === undefined) {
      throw fileError(path, ['STORE_KEY', 'key-missing', 'is encrypted', 'Open it with its key']);
    }
    const cipher = TokenCipher.unlock({ key, domain }, check);
    if (cipher) return cipher;
    throw fileError(path, ['STORE_KEY', 'key-wrong', 'is encrypted with another key', 'Open it with that key']);
  }

  /** A key for a file with plain tokens is more often a mistake than a wish to encrypt them. */
  #refuseToEncrypt(): void {
    if (this.sql.prepare('SELECT 1 FROM token LIMIT 1').get() === undefined) return;
    const remedy = 'Open it without a key, then encrypt it with rekey(key)';
    throw fileError(this.file.path, ['STORE_KEY', 'not-encrypted', 'is not encrypted', remedy]);
  }
}

function isBusy(error: unknown): boolean {
  return systemCode(error)?.startsWith('SQLITE_BUSY') ?? false;
}
