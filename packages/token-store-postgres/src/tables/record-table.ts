import { type TokenRecord, TokenStoreError } from 'token-store-kit';
import type { Database, Row } from '../connection/database.ts';
import type { Lease } from '../lock/lease.ts';
import type { KeyRing } from './key-ring.ts';
import { fromStoredName, type Tables, toFullName, toJson, toKey, toTopic } from './names.ts';
import { isTrue } from './open-tables.ts';
import { type RecordReader, versionOf } from './record-reader.ts';
import {
  deleteStatement,
  type RecordColumns,
  type Statement,
  type Version,
  writeStatement,
} from './record-statements.ts';
import { runOrRecover } from './recover.ts';

/** What became of a write. `lock-lost`: it was refused, because the lease that it depends on has ended. */
export type Outcome = 'written' | 'not-written' | 'lock-lost';

/** Each further round means that another caller has written the same name in between. */
const maxRounds = 50;

/** One write, whose statement may have to be repeated. */
interface Change {
  readonly name: string;
  /** The statement that puts the new state in the place of `base`; undefined: of no record, or of one that is not known yet. */
  statement(base: Version | undefined): Statement;
  /** After an answer was lost: whether that statement must have taken place, or another caller has taken its place already. */
  isDone(found: Version | undefined, base: Version | undefined): boolean;
  /** Whether the change is not to be made on what was found. */
  isRefused(found: Version | undefined, base: Version | undefined): boolean;
}

/**
 * Writes the records of one store. Each statement names the version that it takes the place of. So one that arrives late, or twice,
 * after its answer was taken for lost, cannot put a spent token in the place of its successor.
 */
export class RecordTable {
  readonly #database: Database;
  readonly #tables: Tables;
  readonly #ring: KeyRing;
  readonly #reader: RecordReader;

  constructor(database: Database, tables: Tables, ring: KeyRing, reader: RecordReader) {
    this.#database = database;
    this.#tables = tables;
    this.#ring = ring;
    this.#reader = reader;
  }

  async get(name: string): Promise<TokenRecord | undefined> {
    return (await this.#reader.read(name))?.record;
  }

  async list(): Promise<string[]> {
    const statement = `SELECT coalesce(full_name, name) AS name FROM ${this.#tables.records}`;
    const rows = await this.#database.run(statement, [], { repeatable: true });
    const names = rows.map(({ name }) => Buffer.from(fromStoredName(name ?? '')));
    return names.sort(Buffer.compare).map(String);
  }

  /** Writes the record, whatever is stored. */
  async set(name: string, record: TokenRecord, lease: Lease | undefined): Promise<Outcome> {
    const revision = newRevision();
    const next: Version = { revision, signIn: revision };
    return this.#write(next, record, this.#reader.known(name), {
      name,
      statement: (base) => this.#statement(name, record, next, base, lease),
      // Another sign-in instead of the one that was known came later, as far as anyone can tell: it counts.
      isDone: (found, base) => found?.signIn === revision || isOtherSignIn(found, base),
      isRefused: () => false,
    });
  }

  /** Writes the record if the stored refresh token is `previous`. */
  async replace(
    name: string,
    previous: string | undefined,
    record: TokenRecord,
    lease: Lease | undefined,
  ): Promise<Outcome> {
    if (previous === undefined) return this.#replace(name, undefined, record, lease);
    let base = this.#reader.known(name, previous);
    for (let round = 0; round < maxRounds; round++) {
      if (!base) {
        const stored = await this.#reader.read(name);
        if (stored?.record.refreshToken !== previous) return 'not-written';
        base = stored;
      }
      const outcome = await this.#replace(name, base, record, lease);
      if (outcome !== 'not-written') return outcome;
      // Another caller has written: perhaps a record with the same refresh token.
      base = undefined;
    }
    throw this.#changingError(name);
  }

  async delete(name: string, lease: Lease | undefined): Promise<Outcome> {
    const topic = toTopic(this.#tables, name);
    const statement = (base: Version | undefined): Statement =>
      deleteStatement(this.#tables, toKey(name), base?.revision ?? '', lease, topic);
    const { outcome, found } = await this.#change(this.#reader.known(name), {
      name,
      statement,
      isDone: (now, base) => !now || isOtherSignIn(now, base),
      isRefused: (now) => !now,
    });
    if (outcome !== 'lock-lost') this.#reader.wroteBefore(name, found);
    return outcome;
  }

  #replace(name: string, base: Version | undefined, record: TokenRecord, lease: Lease | undefined): Promise<Outcome> {
    const revision = newRevision();
    const next: Version = { revision, signIn: base?.signIn ?? revision };
    return this.#write(next, record, base, {
      name,
      statement: () => this.#statement(name, record, next, base, lease),
      isDone: (found) => found?.revision === revision || (!base && found?.signIn === revision),
      isRefused: (found) => found?.revision !== base?.revision,
    });
  }

  async #write(next: Version, record: TokenRecord, base: Version | undefined, change: Change): Promise<Outcome> {
    const { outcome, found } = await this.#change(base, change);
    if (outcome !== 'written') return outcome;
    if (found && found.revision !== next.revision) this.#reader.wroteBefore(change.name, found);
    else this.#reader.wrote(change.name, next, record);
    return outcome;
  }

  /** Repeats the statement until it is known what became of it. `found`: what another caller has stored since, if that is known. */
  async #change(
    start: Version | undefined,
    change: Change,
  ): Promise<{ outcome: Outcome; found?: Version | undefined }> {
    let base = start;
    let isLost = false;
    for (let round = 0; round < maxRounds; round++) {
      const { result: row, isRepeated } = await runOrRecover(() => this.#run(change.statement(base)));
      isLost ||= isRepeated;
      if (isTrue(row.written)) return { outcome: 'written' };
      const found = versionOf(row);
      if (isLost && change.isDone(found, base)) return { outcome: 'written', found };
      if (!isTrue(row.held)) return { outcome: 'lock-lost' };
      if (!isTrue(row.key_fits)) {
        await this.#reader.adoptKey();
        continue;
      }
      if (change.isRefused(found, base)) return { outcome: 'not-written', found };
      base = found;
    }
    throw this.#changingError(change.name);
  }

  async #run({ text, values }: Statement): Promise<Row> {
    const [row = {}] = await this.#database.run(text, values, { isWrite: true });
    return row;
  }

  #statement(
    name: string,
    record: TokenRecord,
    version: Version,
    base: Version | undefined,
    lease: Lease | undefined,
  ): Statement {
    const columns = this.#columns(name, record, version);
    return writeStatement(this.#tables, columns, base, lease, toTopic(this.#tables, name));
  }

  #columns(name: string, record: TokenRecord, version: Version): RecordColumns {
    const { current } = this.#ring;
    const fixed = { name: toKey(name), fullName: toFullName(name), ...version, ...this.#database.clock.offset };
    if (!current) return { ...fixed, record: toJson(record), sealed: null, salt: null };
    const sealed = Buffer.from(current.seal(name, record));
    return { ...fixed, record: null, sealed, salt: Buffer.from(current.salt) };
  }

  #changingError(name: string): TokenStoreError {
    const message = `${this.#database.name}: the record of ${JSON.stringify(name)} keeps changing. Try again`;
    return new TokenStoreError('STORE_BUSY', message, { reason: 'database-locked' });
  }
}

function isOtherSignIn(found: Version | undefined, base: Version | undefined): boolean {
  return base !== undefined && found !== undefined && found.signIn !== base.signIn;
}

function newRevision(): string {
  return process.getBuiltinModule('node:crypto').randomBytes(12).toString('base64url');
}
