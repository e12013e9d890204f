import { type TokenRecord, TokenStoreError } from 'token-store-kit';
import type { Database, Row } from '../connection/database.ts';
import type { Watcher } from '../lock/watcher.ts';
import type { KeyRing } from './key-ring.ts';
import { type Tables, toKey } from './names.ts';
import { readMeta } from './open-tables.ts';
import { readAndLookStatement, readStatement, type Version } from './record-statements.ts';

/** A stored record, with what tells it from the ones before and after. */
export interface Stored extends Version {
  readonly record: TokenRecord;
}

interface KnownVersion extends Version {
  /** Of its refresh token. */
  readonly hash: string;
}

/** More names than any program works with at a time. */
const maxKnown = 10_000;

/** Reads and decrypts the records of one store, and remembers which version of each it has seen. */
export class RecordReader {
  readonly #database: Database;
  readonly #tables: Tables;
  readonly #ring: KeyRing;
  readonly #watcher: Watcher;
  readonly #known = new Map<string, KnownVersion>();

  constructor(database: Database, tables: Tables, ring: KeyRing, watcher: Watcher) {
    this.#database = database;
    this.#tables = tables;
    this.#ring = ring;
    this.#watcher = watcher;
  }

  async read(name: string): Promise<Stored | undefined> {
    const key = toKey(name);
    const looks = this.#watcher.isWatching(name);
    const statement = looks ? readAndLookStatement(this.#tables) : readStatement(this.#tables);
    const sentAt = performance.now();
    const values = looks ? [key, this.#watcher.entryOf(name) ?? null] : [key];
    const [row = {}] = await this.#database.run(statement, values, { repeatable: true });
    const version = versionOf(row);
    if (looks) this.#watcher.looked(name, row, sentAt);
    else this.#watcher.saw(name, version?.revision ?? null, sentAt);
    if (!version) {
      this.#known.delete(name);
      return undefined;
    }
    const writer = { offsetMs: Number(row.offset_ms), errorMs: Number(row.error_ms) };
    const record = this.#database.clock.toLocal(await this.#openOrAdopt(name, row), writer);
    this.#remember(name, version, record);
    return { record, ...version };
  }

  /** The newest version that this store has seen. With a token: only if that is its refresh token. */
  known(name: string, refreshToken?: string): Version | undefined {
    const known = this.#known.get(name);
    if (!known || known.revision !== this.#watcher.known(name)) return undefined;
    return refreshToken === undefined || known.hash === hashOf(refreshToken) ? known : undefined;
  }

  /** Notes what this store has written. */
  wrote(name: string, version: Version, record: TokenRecord): void {
    this.#remember(name, version, record);
    this.#watcher.wrote(name, version.revision);
  }

  /** The same, if another caller has written since, or if the record was deleted. */
  wroteBefore(name: string, now: Version | undefined): void {
    this.#known.delete(name);
    this.#watcher.wrote(name, now?.revision ?? null);
  }

  /** Decrypts a record. `name` is bound into it. */
  open(name: string, { record, sealed }: Row): TokenRecord {
    if (!sealed) {
      if (!this.#ring.allowsPlain || record === null || record === undefined) throw this.#ring.changedError();
      return JSON.parse(record);
    }
    const bytes = Buffer.from(sealed, 'base64');
    const cipher = this.#ring.find(bytes);
    if (!cipher) throw this.#ring.changedError();
    const opened = cipher.open(name, bytes);
    if (opened) return opened;
    const message = `${this.#database.name}: the tokens of ${JSON.stringify(name)} were changed by another program, or belong to another name. Delete them and sign in again`;
    throw new TokenStoreError('STORE_CORRUPT', message, { reason: 'record-changed' });
  }

  /** @throws {TokenStoreError} STORE_KEY or STORE_VERSION if this store cannot use what the database has in use. */
  async adoptKey(): Promise<void> {
    const { check } = await readMeta(this.#database, this.#tables);
    if (!this.#ring.adopt(check)) throw this.#ring.changedError();
  }

  /** A record under a key that this store has, but has not used yet, makes it look which key is in use. */
  async #openOrAdopt(name: string, row: Row): Promise<TokenRecord> {
    if (row.sealed ? !this.#ring.find(Buffer.from(row.sealed, 'base64')) : !this.#ring.allowsPlain)
      await this.adoptKey();
    return this.open(name, row);
  }

  #remember(name: string, { revision, signIn }: Version, { refreshToken }: TokenRecord): void {
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(name, { revision, signIn, hash: hashOf(refreshToken) });
  }
}

/** Undefined if there is no record. */
export function versionOf({ revision, sign_in: signIn }: Row): Version | undefined {
  return revision && signIn ? { revision, signIn } : undefined;
}

function hashOf(token: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(token).digest('base64url');
}
