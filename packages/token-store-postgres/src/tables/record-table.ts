import { setTimeout as delay } from 'node:timers/promises';
import { type TokenCipher, type TokenRecord, TokenStoreError } from 'token-store-kit';
import { type Database, isUnanswered, type Row, type Run } from '../connection/database.ts';
import type { Lease } from '../lock/lease.ts';
import type { Watcher } from '../lock/watcher.ts';
import type { Key } from '../options.ts';
import { type KeyRing, newCipher } from './key-ring.ts';
import { fromStoredName, type Tables, toAscii, toFullName, toKey, toTopic } from './names.ts';
import { checkMeta, isTrue, readMeta, selectMeta, writeKeyCheck } from './open-tables.ts';
import {
  type Condition,
  deleteStatement,
  type RecordColumns,
  readAndLookStatement,
  readStatement,
  type Statement,
  writeStatement,
} from './record-statements.ts';

/** What became of a write. `lock-lost`: it was refused, because the lease that it depends on has ended. */
export type Outcome = 'written' | 'not-written' | 'lock-lost';

/** A stored record, with what tells it from the ones before and after. */
interface Stored {
  readonly record: TokenRecord;
  readonly revision: string;
  readonly signIn: string;
}

/** After a lost answer: when the database is asked what became of the statement. A restart takes about so long. */
const recoveryDelaysMs = [0, 100, 300, 1_000, 2_000];
/** Each further round means that another caller has written the same name in between. */
const maxRounds = 50;
/** Records that are encrypted again by one statement. */
const rekeyBatch = 500;

/** Reads and writes the records of one store. */
export class RecordTable {
  readonly #database: Database;
  readonly #tables: Tables;
  readonly #ring: KeyRing;
  readonly #watcher: Watcher;
  /** The hash of the refresh token that a name had with the revision that the watcher knows. */
  readonly #tokens = new Map<string, { readonly revision: string; readonly hash: string }>();

  constructor(database: Database, tables: Tables, ring: KeyRing, watcher: Watcher) {
    this.#database = database;
    this.#tables = tables;
    this.#ring = ring;
    this.#watcher = watcher;
  }

  async get(name: string): Promise<TokenRecord | undefined> {
    return (await this.#read(name))?.record;
  }

  async list(): Promise<string[]> {
    const statement = `SELECT coalesce(full_name, name) AS name FROM ${this.#tables.records}`;
    const rows = await this.#database.run(statement, [], { repeatable: true });
    const names = rows.map(({ name }) => Buffer.from(fromStoredName(name ?? '')));
    return names.sort(Buffer.compare).map(String);
  }

  /** Writes the record, whatever is stored. */
  async set(name: string, record: TokenRecord, lease: Lease | undefined): Promise<Outcome> {
    return this.#write(name, record, 'any', lease);
  }

  /** Writes the record if the stored refresh token is `previous`. */
  async replace(
    name: string,
    previous: string | undefined,
    record: TokenRecord,
    lease: Lease | undefined,
  ): Promise<Outcome> {
    if (previous === undefined) return this.#write(name, record, 'none', lease);
    const known = this.#tokens.get(name);
    let revision =
      known && known.hash === hashOf(previous) && known.revision === this.#watcher.known(name)
        ? known.revision
        : undefined;
    for (let round = 0; round < maxRounds; round++) {
      if (revision === undefined) {
        const stored = await this.#read(name);
        if (stored?.record.refreshToken !== previous) return 'not-written';
        revision = stored.revision;
      }
      const outcome = await this.#write(name, record, { revision }, lease);
      if (outcome !== 'not-written') return outcome;
      // Another caller has written: perhaps a record with the same refresh token.
      revision = undefined;
    }
    const message = `${this.#database.name}: the record of ${JSON.stringify(name)} keeps changing. Try again`;
    throw new TokenStoreError('STORE_BUSY', message, { reason: 'database-locked' });
  }

  async delete(name: string, lease: Lease | undefined): Promise<Outcome> {
    const statement = deleteStatement(this.#tables, toKey(name), lease, toTopic(this.#tables, name));
    let lost = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const row = await this.#run(statement);
        if (!isTrue(row.held)) return 'lock-lost';
        this.#forget(name);
        return isTrue(row.written) || lost ? 'written' : 'not-written';
      } catch (error) {
        lost ||= isUnanswered(error);
        if (!lost || attempt >= recoveryDelaysMs.length) throw error;
        await delay(recoveryDelaysMs[attempt]);
      }
    }
  }

  /** Encrypts all records with another key, or with none, in one transaction. */
  async rekey(key: Key | undefined): Promise<void> {
    const next = key === undefined ? undefined : newCipher(key);
    const sealAgain = (): Promise<void> => this.#database.transaction((run) => this.#sealAgain(run, next));
    try {
      await sealAgain();
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      await this.#recover(sealAgain);
    }
    this.#ring.change(key, next);
  }

  async #sealAgain(run: Run, next: TokenCipher | undefined): Promise<void> {
    const { records } = this.#tables;
    // No writer holds a share of this lock any more: what it wrote is seen by the statements below.
    const [meta] = await run(`${selectMeta(this.#tables)} FOR UPDATE`);
    const current = checkMeta(this.#database, this.#tables, meta);
    // An earlier try took place, and its answer was lost.
    if (current && next?.matches(current.salt)) return;
    if (!this.#ring.adopt(current)) throw this.#ring.changedError();
    const rows = await run(
      `SELECT name, full_name, record::text AS record, encode(sealed, 'base64') AS sealed FROM ${records}`,
    );
    for (let start = 0; start < rows.length; start += rekeyBatch) {
      const batch = rows.slice(start, start + rekeyBatch).map((row) => {
        const name = fromStoredName(row.full_name ?? row.name ?? '');
        const sealed = next?.seal(name, this.#open(name, row));
        return { key: row.name, record: sealed ? null : toJson(this.#open(name, row)), sealed };
      });
      await run(
        `UPDATE ${records} AS t SET record = n.record::json, sealed = decode(n.sealed, 'base64')
FROM unnest($1::text[], $2::text[], $3::text[]) AS n (name, record, sealed) WHERE t.name = n.name`,
        [
          batch.map(({ key }) => key),
          batch.map(({ record }) => record),
          batch.map(({ sealed }) => (sealed ? Buffer.from(sealed).toString('base64') : null)),
        ],
      );
    }
    await writeKeyCheck(run, this.#tables, next?.makeCheck());
  }

  async #read(name: string): Promise<Stored | undefined> {
    const key = toKey(name);
    const looks = this.#watcher.isWatching(name);
    const statement = looks ? readAndLookStatement(this.#tables) : readStatement(this.#tables);
    const sentAt = performance.now();
    const values = looks ? [key, this.#watcher.entryOf(name) ?? null] : [key];
    const [row = {}] = await this.#database.run(statement, values, { repeatable: true });
    const { revision, sign_in: signIn } = row;
    if (looks) this.#watcher.looked(name, row, sentAt);
    else this.#watcher.saw(name, revision ?? null, sentAt);
    if (!revision || !signIn) {
      this.#tokens.delete(name);
      return undefined;
    }
    const writer = { offsetMs: Number(row.offset_ms), errorMs: Number(row.error_ms) };
    const record = this.#database.clock.toLocal(await this.#openOrAdopt(name, row), writer);
    this.#remember(name, revision, record);
    return { record, revision, signIn };
  }

  /** A record under a key that this store has, but has not used yet, makes it look which key is in use. */
  async #openOrAdopt(name: string, row: Row): Promise<TokenRecord> {
    if (row.sealed ? !this.#ring.find(Buffer.from(row.sealed, 'base64')) : !this.#ring.allowsPlain)
      await this.#adoptKey();
    return this.#open(name, row);
  }

  #open(name: string, { record, sealed }: Row): TokenRecord {
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
  async #adoptKey(): Promise<void> {
    const { check } = await readMeta(this.#database, this.#tables);
    if (!this.#ring.adopt(check)) throw this.#ring.changedError();
  }

  async #write(name: string, record: TokenRecord, condition: Condition, lease: Lease | undefined): Promise<Outcome> {
    const revision = newRevision();
    for (let round = 0; round < maxRounds; round++) {
      const columns = this.#columns(name, record, revision);
      const statement = writeStatement(this.#tables, columns, condition, lease, toTopic(this.#tables, name));
      const row = await this.#runOrRecover(statement, name, revision, condition);
      if (row === 'written' || isTrue(row.written)) {
        this.#remember(name, revision, record);
        this.#watcher.wrote(name, revision);
        return 'written';
      }
      if (!isTrue(row.held)) return 'lock-lost';
      if (isTrue(row.key_fits)) return 'not-written';
      await this.#adoptKey();
    }
    throw this.#ring.changedError();
  }

  /**
   * Runs a write. If its answer is lost, the record says what became of it: its revision is that of this write, or, after a `set`,
   * its sign-in is. If it was not written, it is tried again.
   */
  async #runOrRecover(
    statement: Statement,
    name: string,
    revision: string,
    condition: Condition,
  ): Promise<Row | 'written'> {
    try {
      return await this.#run(statement);
    } catch (error) {
      if (!isUnanswered(error)) throw error;
    }
    return this.#recover(async () => {
      const stored = await this.#read(name);
      if (stored?.revision === revision) return 'written';
      if (typeof condition === 'string' && stored?.signIn === revision) return 'written';
      const row = await this.#run(statement);
      if (isTrue(row.written)) return row;
      // The first one may have arrived only now.
      return (await this.#read(name))?.revision === revision ? 'written' : row;
    });
  }

  /** Tries until the database answers, for as long as a restart takes. */
  async #recover<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      await delay(recoveryDelaysMs[attempt]);
      try {
        return await work();
      } catch (error) {
        const mayPass = isUnanswered(error) || (error as Partial<TokenStoreError>).reason === 'unreachable';
        if (!mayPass || attempt === recoveryDelaysMs.length - 1) throw error;
      }
    }
  }

  async #run({ text, values }: Statement): Promise<Row> {
    const [row = {}] = await this.#database.run(text, values, { isWrite: true });
    return row;
  }

  #columns(name: string, record: TokenRecord, revision: string): RecordColumns {
    const { current } = this.#ring;
    const fixed = { name: toKey(name), fullName: toFullName(name), revision, ...this.#database.clock.offset };
    if (!current) return { ...fixed, record: toJson(record), sealed: null, salt: null };
    const sealed = Buffer.from(current.seal(name, record));
    return { ...fixed, record: null, sealed, salt: Buffer.from(current.salt) };
  }

  #remember(name: string, revision: string, { refreshToken }: TokenRecord): void {
    if (this.#tokens.size >= maxRemembered) this.#tokens.clear();
    this.#tokens.set(name, { revision, hash: hashOf(refreshToken) });
  }

  #forget(name: string): void {
    this.#tokens.delete(name);
    this.#watcher.wrote(name, null);
  }
}

/** More names than any program works with at a time. */
const maxRemembered = 10_000;

function toJson(record: TokenRecord): string {
  return toAscii(JSON.stringify(record));
}

function newRevision(): string {
  return process.getBuiltinModule('node:crypto').randomBytes(12).toString('base64url');
}

function hashOf(token: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(token).digest('base64url');
}
