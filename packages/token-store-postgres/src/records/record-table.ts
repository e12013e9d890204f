import { randomBytes } from 'node:crypto';
import { type TokenRecord, TokenStoreError } from 'token-store-kit';
import type { Database, Row } from '../connection/database.ts';
import { retry } from '../connection/retry.ts';
import type { Lease } from '../lock/lease.ts';
import type { Watcher } from '../lock/watcher.ts';
import type { Statements } from '../statements.ts';
import { toStoredName } from '../stored-name.ts';
import type { KeyRing } from './key-ring.ts';
import { readMeta } from './open-tables.ts';

/** What became of a write. `lock-lost`: it was refused, because the lease that it depends on has ended. */
export type Outcome = 'written' | 'not-written' | 'lock-lost';

/** Each further round means that another caller has written the same name in between, or changed the key. */
const maxRounds = 50;
/** More names than any program works with at a time. */
const maxKnown = 10_000;

/** What tells a stored record from the ones before and after. */
interface Version {
  /** New with each write. */
  readonly revision: string;
  /** The revision of the `set` that began it. */
  readonly signIn: string;
}

interface Known extends Version {
  readonly refreshToken: string | undefined;
}

/** One write, whose statement may have to be repeated. */
interface Change {
  readonly name: string;
  /** The rows of the statement that puts the new state in the place of `base`; undefined: of no record, or of one that is not known yet. */
  run(base: Version | undefined): Promise<Row[]>;
  /** After an answer was lost: whether that statement must have taken place, or another caller has taken its place already. */
  isDone(found: Version | undefined, base: Version | undefined): boolean;
  /** Whether the change is not to be made on what was found. */
  isRefused(found: Version | undefined): boolean;
}

/**
 * Reads and writes the records of one store. Each write names the version that it takes the place of. So one that arrives late, or
 * twice, after its answer was taken for lost, cannot put a spent token in the place of its successor.
 */
export class RecordTable {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #ring: KeyRing;
  readonly #watcher: Watcher;
  /** The versions that this store has seen last. */
  readonly #known = new Map<string, Known>();

  constructor(database: Database, statements: Statements, ring: KeyRing, watcher: Watcher) {
    this.#database = database;
    this.#statements = statements;
    this.#ring = ring;
    this.#watcher = watcher;
  }

  async read(name: string): Promise<TokenRecord | undefined> {
    const sentAt = performance.now();
    const [row] = await this.#database.read(this.#statements.read, [toStoredName(name)]);
    const version = row && versionOf(row);
    this.#watcher.saw(name, version?.revision ?? null, sentAt);
    this.#known.delete(name);
    if (!row || !version) return undefined;
    if (!this.#ring.canOpen(row)) await this.#adoptKey();
    const record = this.#ring.open(name, row);
    this.#note(name, version, record);
    return record;
  }

  /** Writes the record, whatever is stored. */
  async set(name: string, record: TokenRecord, lease: Lease | undefined): Promise<Outcome> {
    const revision = newRevision();
    return this.#write(name, record, { revision, signIn: revision }, this.#known.get(name), lease, {
      // Another sign-in instead of the one that was known came later, as far as anyone can tell: it counts.
      isDone: (found, base) => found?.signIn === revision || isOtherSignIn(found, base),
      isRefused: () => false,
    });
  }

  /** Writes the record if the stored refresh token is `previous`. */
  async replace(name: string, previous: string | undefined, record: TokenRecord, lease?: Lease): Promise<Outcome> {
    for (let round = 0; round < maxRounds; round++) {
      if (previous !== undefined && this.#known.get(name)?.refreshToken !== previous) {
        const stored = await this.read(name);
        if (stored === undefined || stored.refreshToken !== previous) return 'not-written';
      }
      const base = previous === undefined ? undefined : this.#known.get(name);
      const revision = newRevision();
      const outcome = await this.#write(name, record, { revision, signIn: base?.signIn ?? revision }, base, lease, {
        isDone: (found) => found?.revision === revision || (!base && found?.signIn === revision),
        isRefused: (found) => found?.revision !== base?.revision,
      });
      // Another caller may have written a record with the same refresh token.
      if (outcome !== 'not-written' || previous === undefined) return outcome;
      this.#known.delete(name);
    }
    throw this.#changingError(name);
  }

  async delete(name: string, lease: Lease | undefined): Promise<Outcome> {
    const topic = this.#watcher.topicOf(name);
    const run = (base: Version | undefined): Promise<Row[]> => {
      const values = [toStoredName(name), base?.revision, lease?.claim.owner, lease?.fence, topic];
      return this.#database.write(this.#statements.delete, values);
    };
    const { outcome, found } = await this.#change(this.#known.get(name), {
      name,
      run,
      isDone: (now, base) => !now || isOtherSignIn(now, base),
      isRefused: (now) => !now,
    });
    if (outcome !== 'lock-lost') this.#noteOther(name, found);
    return outcome;
  }

  async #write(
    name: string,
    record: TokenRecord,
    next: Version,
    start: Version | undefined,
    lease: Lease | undefined,
    rules: Pick<Change, 'isDone' | 'isRefused'>,
  ): Promise<Outcome> {
    const topic = this.#watcher.topicOf(name);
    const run = (base: Version | undefined): Promise<Row[]> => {
      const { json, sealed, salt } = this.#ring.seal(name, record);
      const columns = [toStoredName(name), json, sealed, next.revision, next.signIn, salt];
      const values = [...columns, base?.revision, lease?.claim.owner, lease?.fence, topic];
      return this.#database.write(this.#statements.write, values);
    };
    const { outcome, found } = await this.#change(start, { name, run, ...rules });
    if (outcome === 'written' && (!found || found.revision === next.revision)) {
      this.#note(name, next, record);
      this.#watcher.wrote(name, next.revision);
    } else if (outcome === 'written') this.#noteOther(name, found);
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
      const [row = {}] = await retry((isRepeated) => {
        isLost ||= isRepeated;
        return change.run(base);
      });
      if (row.written === 't') return { outcome: 'written' };
      const found = versionOf(row);
      if (isLost && change.isDone(found, base)) return { outcome: 'written', found };
      if (row.held !== 't') return { outcome: 'lock-lost' };
      if (row.key_fits !== 't') {
        await this.#adoptKey();
        continue;
      }
      if (change.isRefused(found)) return { outcome: 'not-written', found };
      base = found;
    }
    throw this.#changingError(change.name);
  }

  /** @throws {TokenStoreError} STORE_KEY or STORE_VERSION if this store cannot use what the database has in use. */
  async #adoptKey(): Promise<void> {
    if (!this.#ring.adopt(await readMeta(this.#database, this.#statements))) throw this.#ring.changedError();
  }

  #note(name: string, { revision, signIn }: Version, { refreshToken }: TokenRecord): void {
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(name, { revision, signIn, refreshToken });
  }

  /** Notes that another caller has written since, or that there is no record. */
  #noteOther(name: string, now: Version | undefined): void {
    this.#known.delete(name);
    this.#watcher.wrote(name, now?.revision ?? null);
  }

  #changingError(name: string): TokenStoreError {
    const problem = `${this.#database.name}: the record of ${JSON.stringify(name)} keeps changing`;
    return new TokenStoreError('STORE_BUSY', problem, { reason: 'database-locked', remedy: 'Try again' });
  }
}

/** Undefined if there is no record. */
function versionOf({ revision, sign_in: signIn }: Row): Version | undefined {
  return revision && signIn ? { revision, signIn } : undefined;
}

function isOtherSignIn(found: Version | undefined, base: Version | undefined): boolean {
  return base !== undefined && found !== undefined && found.signIn !== base.signIn;
}

function newRevision(): string {
  return randomBytes(12).toString('base64url');
}
