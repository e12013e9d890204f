/** This folder has the SQLite file: how it is found, made, extended, read and written. */
import type Database from 'better-sqlite3';
import { type KeyCheck, TokenCipher, type TokenStoreError, type TokenStoreErrorReason } from 'token-store-kit';
import { DatabaseFile } from './database-file.ts';
import { fileError, sqliteCode, toTokenStoreError } from './file-error.ts';
import { extendOriginal, type Identity, identify, originalTable } from './schema.ts';
import { columns, schemaVersion } from './token-table.ts';

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

/** What a file is, if it is ours or may become ours. */
interface Inspection {
  readonly owner: Identity['owner'];
  readonly check: KeyCheck | undefined;
}

/** An open database with our tables, and its cipher if it is encrypted. */
export class TokenDatabase {
  readonly file: DatabaseFile;
  readonly sql: Database.Database;
  cipher: TokenCipher | undefined;
  /** Those columns of a record that the file has. A file that is not ours yet and may not be changed lacks some. */
  columns: readonly string[] = columns;
  readonly #statements = new Map<string, Database.Statement>();

  /** @throws {TokenStoreError} if the file cannot be used; it is then left as it was. */
  constructor(path: string, key: string | Uint8Array | undefined, readOnly: boolean) {
    this.file = readOnly ? DatabaseFile.find(path) : DatabaseFile.findOrCreate(path);
    this.sql = this.attempt(() => this.file.connect({ timeout: busyRoundMs, readonly: readOnly }));
    try {
      this.cipher = readOnly ? this.#prepareToRead(key) : this.#prepare(key);
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
    const { owner, check } = this.attempt(() => this.sql.transaction(() => this.#inspect())());
    // From here on the file is known to be ours, and may be changed.
    this.file.makePrivate();
    this.attempt(() => {
      // A WAL would keep old tokens readable. A file has one only if another program switched it.
      this.sql.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA');
      this.sql.exec('PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY');
    });
    const opened = check && this.#unlock(key, check);
    if (owner === 'ours' && (check || key === undefined)) return opened;

    if (!check && key !== undefined && owner !== 'nobody') this.attempt(() => this.#refuseToEncrypt());
    // The Python class leaves tokens that it replaced in the unused bytes of its pages.
    if (owner === 'original') this.attempt(() => this.sql.exec('VACUUM'));
    const cipher = opened ?? (key === undefined ? undefined : newCipher(key));
    return this.transaction(() => this.#makeOurs(key, cipher));
  }

  /** As `#prepare`, and changes nothing: neither the file's mode nor its tables. */
  #prepareToRead(key: string | Uint8Array | undefined): TokenCipher | undefined {
    const { owner, check } = this.attempt(() => this.sql.transaction(() => this.#inspect())());
    if (owner !== 'ours') this.columns = owner === 'original' ? ['refresh_token'] : [];
    if (check) return this.#unlock(key, check);
    if (key !== undefined && owner !== 'nobody') this.attempt(() => this.#refuseToEncrypt());
    return undefined;
  }

  /** Inspects the file once more: before this process had the write lock, another one may have done this, or encrypted the file. */
  #makeOurs(key: string | Uint8Array | undefined, cipher: TokenCipher | undefined): TokenCipher | undefined {
    const { owner, check } = this.#inspect();
    if (owner === 'nobody') this.sql.exec(originalTable);
    if (owner !== 'ours') this.sql.exec(extendOriginal);
    if (check) return cipher?.matches(check.salt) ? cipher : this.#unlock(key, check);
    if (cipher) {
      this.#refuseToEncrypt();
      this.writeKeyCheck(cipher.makeCheck());
    }
    return cipher;
  }

  #inspect(): Inspection {
    const { owner, version, pageSize } = identify(this.sql);
    if (owner === 'newer') {
      throw fileError(
        this.file.path,
        'STORE_VERSION',
        `was written by a newer version of token-store-sqlite (schema ${version}, this one knows ${schemaVersion}). Update it`,
      );
    }
    if (owner === 'foreign') {
      throw fileError(
        this.file.path,
        'STORE_OPEN',
        'is the database of another program, and was left as it is. Choose another file for the tokens',
        { reason: 'foreign' },
      );
    }
    this.#checkLength(pageSize);
    return { owner, check: owner === 'ours' ? this.readKeyCheck() : undefined };
  }

  /** SQLite fills a cut-off last page with zeros, and so would return half a token. */
  #checkLength(pageSize: number): void {
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

  #keyError(reason: TokenStoreErrorReason, message: string): TokenStoreError {
    return fileError(this.file.path, 'STORE_KEY', message, { reason });
  }
}

function isBusy(error: unknown): boolean {
  return sqliteCode(error)?.startsWith('SQLITE_BUSY') ?? false;
}
