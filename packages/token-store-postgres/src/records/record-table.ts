import { randomBytes } from 'node:crypto';
import { comparedToken, type KeyCheck, lockHeldError, pause, type TokenRecord, TokenStoreError } from 'token-store-kit';
import type { Database, Row, Run } from '../connection/database.ts';
import { deadlineIn, type Limits, retry } from '../connection/retry.ts';
import { type Lease, Stopwatch } from '../lock/lease.ts';
import { type Sighting, seeLease } from '../lock/sighting.ts';
import type { Watcher } from '../lock/watcher.ts';
import type { Key } from '../options.ts';
import { fromStoredName, type Statements, toStoredName } from '../statements.ts';
import { type KeyRing, newCipher } from './key-ring.ts';
import { hasRecords, readMeta } from './open-tables.ts';
import { RowReader } from './row-reader.ts';

/** What became of a write. `lock-lost`: it was refused, because the lease that it depends on has ended. */
export type Outcome = 'written' | 'not-written' | 'lock-lost';

export interface Context {
  readonly database: Database;
  readonly statements: Statements;
  readonly ring: KeyRing;
  readonly watcher: Watcher;
}

/** Each further round means that another caller has written the same name in between, or changed the key. */
const maxRounds = 50;
/** How often a change of key looks whether locks are held. */
const lookMs = 200;
/** More names than any program works with at a time. */
const maxKnown = 10_000;

/** What tells a stored record from the ones before and after: `revision` is new with each write, `signIn` with each `set`. */
interface Version {
  readonly revision: string;
  readonly signIn: string;
}

/**
 * Judges a statement that has changed nothing by what was found in the place of `base`: it is done, or not to be done, or to be tried
 * again. `isLost`: the answer of an earlier try was lost, so that it may have taken place, and another caller may have written since.
 */
type Judge = (
  found: Version | undefined,
  base: Version | undefined,
  isLost: boolean,
) => 'written' | 'not-written' | 'again';

/**
 * Reads and writes the records of one store. Each write names the version that it takes the place of. So one that arrives late, or
 * twice, after its answer was taken for lost, cannot put a spent token in the place of its successor.
 */
export class RecordTable {
  readonly #context: Context;
  readonly #rows: RowReader;
  /** The versions that this store has seen last, with the tokens that `replace` compares. */
  readonly #known = new Map<string, Version & { readonly token: string | undefined }>();

  constructor(context: Context) {
    this.#context = context;
    this.#rows = new RowReader(context.database, context.statements.read);
  }

  async read(name: string, deadline = deadlineIn()): Promise<TokenRecord | undefined> {
    const { ring, watcher } = this.#context;
    const sentAt = performance.now();
    const row = (await this.#rows.read(toStoredName(name), deadline)) ?? {};
    const version = versionOf(row);
    watcher.read(name, version?.revision ?? null, sentAt);
    this.#known.delete(name);
    if (!version) return undefined;
    if (!ring.canOpen(row)) await this.#adoptKey(deadline);
    const record = ring.open(name, row);
    this.#note(name, version, record);
    return record;
  }

  /** Writes the record, whatever is stored. */
  async set(name: string, record: TokenRecord, lease: Lease | undefined): Promise<Outcome> {
    const revision = newRevision();
    // Another sign-in instead of the one that was known came later, as far as anyone can tell: it counts.
    const judge: Judge = (found, base, isLost) =>
      isLost && (found?.signIn === revision || isOtherSignIn(found, base)) ? 'written' : 'again';
    return this.#write(name, record, { revision, signIn: revision }, this.#known.get(name), lease, judge, deadlineIn());
  }

  /** Writes the record if the token of the stored one is `previous`. */
  async replace(name: string, previous: string | undefined, record: TokenRecord, lease?: Lease): Promise<Outcome> {
    const deadline = deadlineIn();
    for (let round = 0; round < maxRounds; round++) {
      if (previous !== undefined && this.#known.get(name)?.token !== previous) {
        const stored = await this.read(name, deadline);
        if (comparedToken(stored) !== previous) return 'not-written';
      }
      const known = previous === undefined ? undefined : this.#known.get(name);
      const revision = newRevision();
      const judge: Judge = (found, base, isLost) => {
        if (isLost && (found?.revision === revision || (!base && found?.signIn === revision))) return 'written';
        return found?.revision === base?.revision ? 'again' : 'not-written';
      };
      const next = { revision, signIn: known?.signIn ?? revision };
      const outcome = await this.#write(name, record, next, known, lease, judge, deadline);
      // Another caller may have written a record with the same token.
      if (outcome !== 'not-written' || previous === undefined) return outcome;
      this.#known.delete(name);
    }
    throw this.#changingError(name);
  }

  async delete(name: string, lease: Lease | undefined): Promise<Outcome> {
    const judge: Judge = (found, base, isLost) => {
      if (isLost && (!found || isOtherSignIn(found, base))) return 'written';
      return found ? 'again' : 'not-written';
    };
    const run = (base: Version | undefined, limits: Limits) =>
      this.#run(this.#context.statements.delete, name, [base?.revision], lease, limits);
    const { outcome, found } = await this.#change(name, this.#known.get(name), run, judge, deadlineIn());
    if (outcome !== 'lock-lost') this.#noteOther(name, found);
    return outcome;
  }

  /** Encrypts all records with another key, or with none, in one transaction. `owners`: the calls whose locks need not be waited for. */
  async changeKey(
    key: Key | undefined,
    { owners, timeout, signals }: { owners: string[]; timeout: number; signals: AbortSignal[] },
  ): Promise<void> {
    const { database, statements, ring } = this.#context;
    const next = key === undefined ? undefined : newCipher(key);
    const deadline = performance.now() + timeout;
    const sightings = new Map<unknown, Sighting>();
    // As a caller of `exclusively` does: only the last look believes the clock of the server.
    const isHeld = (lease: Row): boolean => {
      const sighting = seeLease(lease, sightings.get(lease.name));
      sightings.set(lease.name, sighting);
      const now = performance.now();
      return now < sighting.endsAt && (now < deadline || Number(lease.left_ms) > 0);
    };
    const inTransaction = async (run: Run): Promise<Row | undefined> => {
      await run(statements.lockMeta);
      const current = await readMeta(database, statements, run);
      // Nothing is left to do: an earlier try may have taken place although its answer was lost.
      if (current ? next?.matches(current.salt) : !next) return;
      if (current || ring.isDecided || (await hasRecords(statements, run))) ring.adopt(current);
      // Who gets a lock after this look can write only after this transaction, and a refresh writes before it asks the provider.
      const held = (await run(statements.locks, [owners])).find(isHeld);
      if (held) return held;
      for (const row of await run(statements.readAll)) {
        const name = fromStoredName(row.name ?? '');
        const record = ring.open(name, row);
        const columns = next ? [null, Buffer.from(next.seal(name, record))] : [JSON.stringify(record), null];
        await run(statements.sealAgain, [row.name, ...columns]);
      }
      await run(statements.setKey, keyValues(next?.makeCheck()));
      return;
    };
    for (;;) {
      const held = await retry(() => database.transaction(inTransaction));
      if (!held) break;
      const name = fromStoredName(held.name ?? '');
      if (performance.now() >= deadline) throw lockHeldError(name, timeout, { holder: held.holder ?? undefined });
      await pause(lookMs, signals);
    }
    ring.change(key, next);
  }

  async #write(
    name: string,
    record: TokenRecord,
    next: Version,
    start: Version | undefined,
    lease: Lease | undefined,
    judge: Judge,
    deadline: number,
  ): Promise<Outcome> {
    await this.#decideKey(deadline);
    const run = (base: Version | undefined, limits: Limits): Promise<Row[]> => {
      const { json, sealed, salt } = this.#context.ring.seal(name, record);
      const values = [json, sealed, next.revision, next.signIn, salt, base?.revision];
      return this.#run(this.#context.statements.write, name, values, lease, limits);
    };
    const { outcome, found = next } = await this.#change(name, start, run, judge, deadline);
    if (outcome === 'written' && found.revision !== next.revision) this.#noteOther(name, found);
    else if (outcome === 'written') {
      this.#note(name, next, record);
      this.#context.watcher.wrote(name, next.revision);
    }
    return outcome;
  }

  async #run(
    statement: string,
    name: string,
    values: unknown[],
    lease: Lease | undefined,
    limits: Limits,
  ): Promise<Row[]> {
    const { database, statements } = this.#context;
    const fence = [lease?.claim.owner, lease?.fence, lease?.claim.leaseTimeMs];
    const since = new Stopwatch();
    const all = [toStoredName(name), ...values, ...fence, statements.topicOf(name)];
    const rows = await database.write(statement, all, limits);
    if (rows[0]?.held === 't') lease?.renewed(since);
    return rows;
  }

  /** Repeats the statement until it is known what became of it. `found`: what another caller has stored since, if that is known. */
  async #change(
    name: string,
    start: Version | undefined,
    run: (base: Version | undefined, limits: Limits) => Promise<Row[]>,
    judge: Judge,
    deadline: number,
  ): Promise<{ outcome: Outcome; found?: Version | undefined }> {
    let base = start;
    let isLost = false;
    for (let round = 0; round < maxRounds; round++) {
      const work = (limits: Limits, isRepeated: boolean) => {
        isLost ||= isRepeated;
        return run(base, limits);
      };
      const [row = {}] = await retry(work, { deadline });
      if (row.written === 't') return { outcome: 'written' };
      const found = versionOf(row);
      const verdict = judge(found, base, isLost);
      if (verdict === 'written') return { outcome: verdict, found };
      if (row.held !== 't') return { outcome: 'lock-lost' };
      if (row.key_fits !== 't') await this.#adoptKey(deadline);
      else if (verdict === 'not-written') return { outcome: verdict, found };
      else base = found;
    }
    throw this.#changingError(name);
  }

  async #adoptKey(deadline: number): Promise<void> {
    const { database, statements, ring } = this.#context;
    const run: Run = (text) => database.read(text, undefined, { deadline });
    ring.adopt(await readMeta(database, statements, run));
  }

  /** The first write of all puts the preferred key in use. If another host was faster, its key is, or none. */
  async #decideKey(deadline: number): Promise<void> {
    const { database, statements, ring } = this.#context;
    if (ring.isDecided || ring.preferred === undefined) return;
    // A passphrase takes a quarter of a second, in which other hosts need not wait for this one's transaction.
    const wanted = newCipher(ring.preferred).makeCheck();
    const inTransaction = async (run: Run): Promise<KeyCheck | undefined> => {
      await run(statements.lockMeta);
      const check = await readMeta(database, statements, run);
      if (check || (await hasRecords(statements, run))) return check;
      await run(statements.setKey, keyValues(wanted));
      return wanted;
    };
    ring.adopt(await retry((limits) => database.transaction(inTransaction, limits), { deadline, mayPass: 'all' }));
  }

  #note(name: string, version: Version, record: TokenRecord): void {
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(name, { ...version, token: comparedToken(record) });
  }

  /** Notes that another caller has written since, or that there is no record. */
  #noteOther(name: string, now: Version | undefined): void {
    this.#known.delete(name);
    this.#context.watcher.wrote(name, now?.revision ?? null);
  }

  #changingError(name: string): TokenStoreError {
    const problem = `${this.#context.database.name}: the record of ${JSON.stringify(name)} keeps changing`;
    return new TokenStoreError('STORE_BUSY', problem, { reason: 'database-locked', remedy: 'Try again' });
  }
}

function keyValues(check: KeyCheck | undefined): (Uint8Array | null)[] {
  return check ? [Buffer.from(check.salt), Buffer.from(check.verifier)] : [null, null];
}

function versionOf({ revision, sign_in: signIn }: Row): Version | undefined {
  return revision && signIn ? { revision, signIn } : undefined;
}

function isOtherSignIn(found: Version | undefined, base: Version | undefined): boolean {
  return base !== undefined && found !== undefined && found.signIn !== base.signIn;
}

function newRevision(): string {
  return randomBytes(12).toString('base64url');
}
