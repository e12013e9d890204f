/** This folder has the SQLite file: how it is found, made, brought to the newest version, read and written. */
import type Database from 'better-sqlite3';
import { type KeyCheck, TokenCipher, type TokenStoreError } from 'token-store-kit';
import { DatabaseFile } from './database-file.ts';
import { fileError, sqliteCode, toTokenStoreError } from './file-error.ts';
import { migrations, originalTable } from './migrations.ts';
import { applicationId, columns, schemaVersion } from './token-table.ts';

const { statSync } = process.getBuiltinModule('node:fs');

/** How long a call may block the event loop while other processes write. One write takes a few milliseconds. */
const busyLimitMs = 5_000;
/**
 * SQLite's own waiting grows to 100 ms between two tries, so that one writer among many starves. A new start keeps them
 * short.
 */
const busyRoundMs = 200;

/** Bound into all that is encrypted here. Files have been made with it, so it must not change. */
const domain = 'token-store-sqlite';

/** The cipher of this package's files. */
export function newCipher(key: string | Uint8Array): TokenCipher {
  return new TokenCipher({ key, domain });
}

/** Two of these differ if a commit lies between them. */
export interface CommitCount {
  /** Rows that this connection has written. */
  readonly own: number;
  /** SQLite's `data_version`: differs after a commit of another connection. Undefined while one of them writes. */
  readonly others: number | undefined;
}

/** What the head of a file says, if the file is ours or may become ours. */
interface Inspection {
  /** 0 for a new file and for one of the original Python class. */
  readonly version: number;
  readonly isNew: boolean;
  readonly check: KeyCheck | undefined;
}

interface Header {
  readonly application_id: number;
  readonly user_version: number;
  /** In bytes. */
  readonly page_size: number;
}

/** An open database of the newest version, and its cipher if it is encrypted. */
export class TokenDatabase {
  readonly file: DatabaseFile;
  readonly sql: Database.Database;
  cipher: TokenCipher | undefined;
  /** Those columns of a record that the file has. A file of an older version that may not be changed lacks some. */
  readonly columns: readonly string[];
  readonly #statements = new Map<string, Database.Statement>();

  /** @throws {TokenStoreError} if the file cannot be used; it is then left as it was. */
  constructor(path: string, key: string | Uint8Array | undefined, readOnly: boolean) {
    this.file = readOnly ? DatabaseFile.find(path) : DatabaseFile.findOrCreate(path);
    this.sql = this.attempt(() => this.file.connect({ timeout: busyRoundMs, readonly: readOnly }));
    try {
      this.cipher = readOnly ? this.#prepareToRead(key) : this.#prepare(key);
      this.columns = readOnly ? this.#presentColumns() : columns;
    } catch (error) {
      this.sql.close();
      throw error;
    }
  }

  /**
   * Runs `work`, again and again while other processes keep the database locked. Throws SQLite's errors as
   * TokenStoreErrors.
   */
  attempt<T>(work: () => T): T {
    let deadline: number | undefined;
    for (;;) {
      try {
        return work();
      } catch (error) {
        deadline ??= performance.now() + busyLimitMs - busyRoundMs;
        if (!isBusy(error) || performance.now() > deadline) throw toTokenStoreError(this.file.path, error);
      }
    }
  }

  /** Runs `work` in one transaction that has the write lock from its start. */
  transaction<T>(work: () => T): T {
    return this.attempt(() => this.sql.transaction(work).immediate());
  }

  /**
   * Runs a write that leaves the record as it is, to learn that the disk can take it. It syncs as much as any other write, apart
   * from the folder after its journal was deleted. If the power fails then, SQLite rolls the write back, and the record is the
   * same. The next write syncs the folder before it changes the file, so that it is never rolled back with an old journal.
   */
  rewrite<T>(write: () => T): T {
    this.sql.pragma('synchronous = FULL');
    try {
      return write();
    } finally {
      this.sql.pragma('synchronous = EXTRA');
    }
  }

  /** Never waits for other connections. */
  countCommits(): CommitCount {
    const own = this.statement<number>('SELECT total_changes()').pluck().get() as number;
    this.sql.pragma('busy_timeout = 0');
    try {
      return { own, others: this.statement<number>('PRAGMA data_version').pluck().get() };
    } catch (error) {
      if (isBusy(error)) return { own, others: undefined };
      throw toTokenStoreError(this.file.path, error);
    } finally {
      this.sql.pragma(`busy_timeout = ${busyRoundMs}`);
    }
  }

  readKeyCheck(): KeyCheck | undefined {
    return this.sql.prepare<[], KeyCheck>('SELECT salt, verifier FROM token_key').get();
  }

  /** Call it within a transaction: the triggers refuse every record that does not fit the new key. */
  writeKeyCheck(check: KeyCheck | undefined): void {
    this.sql.exec('DELETE FROM token_key');
    if (check) this.sql.prepare('INSERT INTO token_key (salt, verifier) VALUES (?, ?)').run(check.salt, check.verifier);
  }

  /** A prepared statement, made at its first use and kept. */
  statement<Row = unknown>(text: string): Database.Statement<unknown[], Row> {
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = this.sql.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement as Database.Statement<unknown[], Row>;
  }

  #prepare(key: string | Uint8Array | undefined): TokenCipher | undefined {
    // In one transaction: no other process writes meanwhile, and SQLite has rolled back what a crash left half written.
    const { version, isNew, check } = this.attempt(() => this.sql.transaction(() => this.#inspect())());
    // From here on the file is known to be ours, and may be changed.
    this.file.makePrivate();
    this.attempt(() => {
      // A WAL would keep old tokens readable. A file has one only if another program switched it.
      this.sql.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA');
      this.sql.exec('PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY');
    });
    const opened = check && this.#unlock(key, check);
    if (version === schemaVersion && (check || key === undefined)) return opened;

    if (!check && key !== undefined && !isNew) this.attempt(() => this.#refuseToEncrypt());
    // The Python class leaves tokens that it replaced in the unused bytes of its pages.
    if (version === 0 && !isNew) this.attempt(() => this.sql.exec('VACUUM'));
    const cipher = opened ?? (key === undefined ? undefined : newCipher(key));
    return this.transaction(() => this.#migrate(key, cipher));
  }

  /** As `#prepare`, and changes nothing: neither the file's mode nor its version. */
  #prepareToRead(key: string | Uint8Array | undefined): TokenCipher | undefined {
    const { isNew, check } = this.attempt(() => this.sql.transaction(() => this.#inspect())());
    if (check) return this.#unlock(key, check);
    if (key !== undefined && !isNew) this.attempt(() => this.#refuseToEncrypt());
    return undefined;
  }

  #presentColumns(): readonly string[] {
    const present = this.attempt(() => this.sql.prepare('SELECT name FROM pragma_table_info(?)').pluck().all('token'));
    return columns.filter((column) => present.includes(column));
  }

  /**
   * Inspects the file once more: before this process had the write lock, another one may have migrated or encrypted it.
   */
  #migrate(key: string | Uint8Array | undefined, cipher: TokenCipher | undefined): TokenCipher | undefined {
    const { version, isNew, check } = this.#inspect();
    if (isNew) this.sql.exec(originalTable);
    for (const migration of migrations.slice(version)) this.sql.exec(migration);
    if (check) return cipher?.matches(check.salt) ? cipher : this.#unlock(key, check);
    if (cipher) {
      this.#refuseToEncrypt();
      this.writeKeyCheck(cipher.makeCheck());
    }
    return cipher;
  }

  #inspect(): Inspection {
    const header = this.sql
      .prepare('SELECT * FROM pragma_application_id, pragma_user_version, pragma_page_size')
      .get() as Header;
    const { version, isNew } = this.#identify(header);
    this.#checkLength(header);
    return { version, isNew, check: version === 0 ? undefined : this.readKeyCheck() };
  }

  /** SQLite fills a cut-off last page with zeros, and so would return half a token. */
  #checkLength({ page_size: pageSize }: Header): void {
    if (statSync(this.file.path).size % pageSize === 0) return;
    throw fileError(
      this.file.path,
      'STORE_CORRUPT',
      'ends within a page, because its end was cut off. It was left as it is: restore it from a backup, or move it away and sign in again',
      { reason: 'damaged' },
    );
  }

  #unlock(key: string | Uint8Array | undefined, check: KeyCheck): TokenCipher {
    if (key === undefined) throw this.#keyError('key-missing', 'is encrypted. Open it with its key');
    const cipher = TokenCipher.unlock({ key, domain }, check);
    if (!cipher) throw this.#keyError('key-wrong', 'is encrypted with another key. Open it with that key');
    return cipher;
  }

  /** A key for a file with plain tokens is more often a mistake than a wish to encrypt them. */
  #refuseToEncrypt(): void {
    if (this.sql.prepare('SELECT 1 FROM token LIMIT 1').get() === undefined) return;
    throw this.#keyError('not-encrypted', 'is not encrypted. Open it without a key, then encrypt it with rekey(key)');
  }

  #identify({ application_id: application, user_version: version }: Header): Omit<Inspection, 'check'> {
    const isMarked = application === applicationId;
    if (isMarked && version >= 1 && version <= schemaVersion) return { version, isNew: false };
    const columns = this.sql.prepare('SELECT name FROM pragma_table_info(?)').pluck().all('token');
    const isLikeOurs = columns.includes('app_name') && columns.includes('refresh_token');
    if ((isMarked || (application === 0 && isLikeOurs)) && version > schemaVersion) {
      throw fileError(
        this.file.path,
        'STORE_VERSION',
        `was written by a newer version of token-store-sqlite (schema ${version}, this one knows ${schemaVersion}). Update it`,
      );
    }
    if (application === 0 && version === 0) {
      const tables = this.sql
        .prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        .pluck()
        .all();
      if (tables.length === 0) return { version, isNew: true };
      if (isLikeOurs && columns.length === 2 && tables.length === 1 && this.#hasUniqueNames()) {
        return { version, isNew: false };
      }
    }
    throw fileError(
      this.file.path,
      'STORE_OPEN',
      'is the database of another program, and was left as it is. Choose another file for the tokens',
      { reason: 'foreign' },
    );
  }

  /** Whether the token table can have each app name only once, as the statements need it. */
  #hasUniqueNames(): boolean {
    return this.sql.prepare('SELECT 1 FROM pragma_index_list(?) WHERE "unique"').get('token') !== undefined;
  }

  #keyError(reason: string, message: string): TokenStoreError {
    return fileError(this.file.path, 'STORE_KEY', message, { reason });
  }
}

function isBusy(error: unknown): boolean {
  return sqliteCode(error)?.startsWith('SQLITE_BUSY') ?? false;
}
