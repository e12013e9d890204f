import Database from 'better-sqlite3';
import { type DatabaseFile, findOrCreate, makePrivate } from './database-file.ts';
import { type KeyCheck, TokenCipher } from './token-cipher.ts';
import { sqliteCode, TokenStoreError, type TokenStoreErrorCode, toTokenStoreError } from './token-store-error.ts';
import { applicationId, schemaVersion } from './token-table.ts';

const { statSync } = process.getBuiltinModule('node:fs');

/** Milliseconds that a call may block the event loop while other processes write. A write takes a few. */
const busyLimit = 5_000;
/** SQLite's own waiting grows to 100 ms between two tries, which starves a writer among many. Starting it anew keeps them short. */
const busyRound = 200;

/** The original Python class's statement, and the base of a new file as well, so that there is one shape only. */
const originalTable = 'CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))';

/**
 * `sealed` has the whole record where there is a key, else the columns have it. `revision` grows with every write of
 * ours: the Python class does not know it, which is how the last trigger tells its writes and drops what belonged to the refresh token before.
 * The first two keep everybody, an older connection or the Python class, from writing plain text or under an old key once the key was changed.
 */
const migration = `
ALTER TABLE token ADD COLUMN access_token TEXT;
ALTER TABLE token ADD COLUMN expires_at INTEGER;
ALTER TABLE token ADD COLUMN obtained_at INTEGER;
ALTER TABLE token ADD COLUMN client_id TEXT;
ALTER TABLE token ADD COLUMN authority TEXT;
ALTER TABLE token ADD COLUMN scope TEXT;
ALTER TABLE token ADD COLUMN id_token TEXT;
ALTER TABLE token ADD COLUMN sealed BLOB;
ALTER TABLE token ADD COLUMN revision INTEGER;
CREATE TABLE token_key (salt BLOB NOT NULL, verifier BLOB NOT NULL) STRICT;
${['INSERT', 'UPDATE']
  .map(
    (event) => `
CREATE TRIGGER token_${event.toLowerCase()}_key BEFORE ${event} ON token
WHEN substr(NEW.sealed, 1, 16) IS NOT (SELECT salt FROM token_key)
  OR (NEW.sealed IS NOT NULL AND NEW.refresh_token IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'this token database is encrypted with another key');
END;`,
  )
  .join('')}
CREATE TRIGGER token_foreign_write AFTER UPDATE OF refresh_token ON token
WHEN NEW.refresh_token IS NOT OLD.refresh_token AND NEW.revision IS OLD.revision
BEGIN
  UPDATE token SET access_token = NULL, expires_at = NULL, obtained_at = NULL, client_id = NULL,
    authority = NULL, scope = NULL, id_token = NULL WHERE app_name = NEW.app_name;
END;
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`;

/** An open database of the newest schema, and the cipher where it is encrypted. */
export class TokenDatabase {
  readonly file: DatabaseFile;
  readonly sql: Database.Database;
  cipher: TokenCipher | undefined;
  readonly #statements = new Map<string, Database.Statement>();

  /** @throws {TokenStoreError} whatever keeps the file from being used; the file is then as it was. */
  constructor(path: string, key: string | Uint8Array | undefined) {
    this.file = findOrCreate(path);
    this.sql = this.attempt(() => connect(this.file.path));
    try {
      this.cipher = this.#prepare(key);
    } catch (error) {
      this.sql.close();
      throw error;
    }
  }

  /** Runs `work`, again and again while other processes have the database locked, and translates SQLite's errors. */
  attempt<T>(work: () => T): T {
    let deadline: number | undefined;
    for (;;) {
      try {
        return work();
      } catch (error) {
        deadline ??= performance.now() + busyLimit - busyRound;
        const busy = sqliteCode(error)?.startsWith('SQLITE_BUSY');
        if (!busy || performance.now() > deadline) throw toTokenStoreError(this.file.path, error);
      }
    }
  }

  /** Runs `work` in one transaction that holds the write lock from its start. */
  transaction<T>(work: () => T): T {
    return this.attempt(() => this.sql.transaction(work).immediate());
  }

  readKeyCheck(): KeyCheck | undefined {
    return this.sql.prepare<[], KeyCheck>('SELECT salt, verifier FROM token_key').get();
  }

  /** Call within a transaction: the triggers refuse every record that does not fit the new key. */
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
    // In one transaction, so that nobody writes meanwhile, and what a crash left half written has been taken back.
    const found = this.attempt(() => this.sql.transaction(() => this.#inspect())());
    // From here on the file is known to be ours, and may be changed.
    makePrivate(this.file);
    this.attempt(() => {
      // A WAL would keep old tokens readable. Only a file that somebody else switched has one.
      this.sql.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA');
      this.sql.exec('PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY');
    });
    if (found.check) return this.#unlock(key, found.check);
    if (found.kind === 'current' && key === undefined) return undefined;

    if (key !== undefined) this.attempt(() => this.#refuseToEncrypt(found.kind));
    // The Python class leaves tokens that it replaced in the unused bytes of its pages.
    if (found.kind === 'original') this.attempt(() => this.sql.exec('VACUUM'));
    const cipher = key === undefined ? undefined : new TokenCipher(key);
    return this.transaction(() => this.#migrate(key, cipher));
  }

  /** Looks once more, because another process may have been faster than this one's write lock. */
  #migrate(key: string | Uint8Array | undefined, cipher: TokenCipher | undefined): TokenCipher | undefined {
    const { kind, check } = this.#inspect();
    if (kind === 'empty') this.sql.exec(originalTable);
    if (kind !== 'current') this.sql.exec(migration);
    if (check) return this.#unlock(key, check);
    if (cipher) {
      this.#refuseToEncrypt('current');
      this.writeKeyCheck(cipher.makeCheck());
    }
    return cipher;
  }

  #inspect(): { kind: FileKind; check?: KeyCheck | undefined } {
    const header = this.sql
      .prepare('SELECT * FROM pragma_application_id, pragma_user_version, pragma_page_size')
      .get() as Header;
    const kind = this.#identify(header);
    this.#checkLength(header);
    return kind === 'current' ? { kind, check: this.readKeyCheck() } : { kind };
  }

  /** SQLite fills a last page that was cut off with zeros, and so would hand out half a token. */
  #checkLength({ page_size: pageSize }: Header): void {
    if (statSync(this.file.path).size % pageSize === 0) return;
    throw this.error(
      'STORE_CORRUPT',
      'ends within a page, because its end was cut off. It was left as it is: restore it from a backup, or move it away and sign in again',
    );
  }

  #unlock(key: string | Uint8Array | undefined, check: KeyCheck): TokenCipher {
    if (key === undefined) throw this.error('STORE_KEY', 'is encrypted. Open it with its key');
    const cipher = TokenCipher.unlock(key, check);
    if (!cipher) throw this.error('STORE_KEY', 'is encrypted with another key. Open it with that key');
    return cipher;
  }

  /** A key for a file that holds plain tokens is a mistake more often than a wish. */
  #refuseToEncrypt(kind: FileKind): void {
    if (kind === 'empty' || this.sql.prepare('SELECT 1 FROM token LIMIT 1').get() === undefined) return;
    throw this.error('STORE_KEY', 'is not encrypted. Open it without a key, then encrypt it with rekey(key)');
  }

  #identify({ application_id: application, user_version: version }: Header): FileKind {
    if (application === applicationId && version === schemaVersion) return 'current';
    const columns = this.sql.prepare('SELECT name FROM pragma_table_info(?)').pluck().all('token');
    const ours = columns.includes('app_name') && columns.includes('refresh_token');
    if ((application === applicationId || (application === 0 && ours)) && version > schemaVersion) {
      throw this.error(
        'STORE_VERSION',
        `was written by a newer version of token-store-sqlite (schema ${version}, this one knows ${schemaVersion}). Update it`,
      );
    }
    if (application === 0 && version === 0) {
      const tables = this.sql
        .prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        .pluck()
        .all();
      if (tables.length === 0) return 'empty';
      if (ours && columns.length === 2 && tables.length === 1 && this.#hasKey()) return 'original';
    }
    throw this.error(
      'STORE_OPEN',
      'is the database of another program, and was left as it is. Choose another file for the tokens',
    );
  }

  /** Whether the token table can have each app name once only, as the statements need it. */
  #hasKey(): boolean {
    return this.sql.prepare('SELECT 1 FROM pragma_index_list(?) WHERE "unique"').get('token') !== undefined;
  }

  error(code: TokenStoreErrorCode, message: string): TokenStoreError {
    return new TokenStoreError(code, this.file.path, message);
  }
}

type FileKind = 'empty' | 'original' | 'current';

/** What the head of the file says. */
interface Header {
  readonly application_id: number;
  readonly user_version: number;
  /** Bytes. */
  readonly page_size: number;
}

function connect(path: string): Database.Database {
  if (path !== path.trimEnd())
    throw new TypeError(`path must not lead to a file whose name ends with a space: ${path}`);
  return new Database(path, { timeout: busyRound, fileMustExist: true });
}
