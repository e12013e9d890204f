import { randomBytes } from 'node:crypto';
import { comparedToken, type KeyCheck, lockHeldError, pause, type TokenRecord, TokenStoreError } from 'token-store-kit';
import type { Row, Run } from '../connection/database.ts';
import { deadlineIn, unanswered } from '../connection/retry.ts';
import { type Lease, type Sighting, Stopwatch, seeLease, sinceLost } from '../lock/lease.ts';
import type { Key } from '../options.ts';
import { nameOf, toStoredName } from '../statements.ts';
import { newCipher } from './key-ring.ts';
import { adoptKey, type Context, readMeta } from './open-tables.ts';
import { rowReader } from './row-reader.ts';

/** The result of a write. `lock-lost`: the write was refused, because its task no longer has the lease. */
export type Outcome = 'written' | 'not-written' | 'lock-lost';

/** How often a change of key checks whether locks are held. */
const lookMs = 200;
/** More names than any program works with at a time. */
const maxKnown = 10_000;

/** What this store last saw of a row. */
interface Version {
  /** New with each write. */
  readonly revision: string;
  /** The token that `replace` compares. Undefined after a sign-out: the row has no record. */
  readonly token: string | undefined;
}

interface Write {
  readonly name: string;
  /** Undefined for a sign-out. */
  readonly record: TokenRecord | undefined;
  readonly lease: Lease | undefined;
  /** The revision that the write replaces. Undefined: there is no row. */
  readonly base: string | undefined;
  /** Default: the deadline of a call that begins now. */
  readonly deadline?: number;
  /** Whether the row that was found rules out a retry. Default: the write is retried over that row. */
  readonly isRefused?: (found: Row) => boolean;
}

/** No row has this revision, so the statement only says what is stored. */
const noRevision = '';
const noSeal = { json: null, sealed: null, salt: null };

/**
 * Reads and writes the records of one store. Each write is a compare-and-swap: it names the revision that it replaces. So a write that
 * arrives late, or twice because its answer seemed lost, cannot replace a token with an older, spent one.
 */
export class RecordTable {
  readonly #context: Context;
  readonly #readRow: ReturnType<typeof rowReader>;
  readonly #known = new Map<string, Version>();
  #deciding: { readonly deadline: number; readonly decided: Promise<void> } | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#readRow = rowReader(context.database, context.statements.read);
  }

  /** Writes the record, whatever is stored. */
  set(name: string, record: TokenRecord, lease: Lease | undefined): Promise<Outcome> {
    return this.#write({ name, record, lease, base: this.#known.get(name)?.revision });
  }

  /** Writes the record if the token of the stored one is `previous`. */
  async replace(name: string, previous: string | undefined, record: TokenRecord, lease?: Lease): Promise<Outcome> {
    const deadline = deadlineIn();
    let version = this.#known.get(name);
    if (version?.token !== previous) ({ version } = await this.read(name, deadline));
    while (version?.token === previous) {
      const base = version?.revision;
      // If the statement found `base` but wrote nothing, another write was committed during it: perhaps an earlier try of this one.
      const isRefused = (found: Row): boolean => (found.revision ?? undefined) !== base;
      const outcome = await this.#write({ name, record, lease, base, deadline, isRefused });
      if (outcome !== 'not-written') return outcome;
      // Another caller may have written a record with the same token.
      ({ version } = await this.read(name, deadline));
    }
    return 'not-written';
  }

  delete(name: string, lease: Lease | undefined): Promise<Outcome> {
    const known = this.#known.get(name);
    const base = known?.token === undefined ? noRevision : known.revision;
    return this.#write({ name, record: undefined, lease, base, isRefused: (found) => found.has_record !== 't' });
  }

  /** Encrypts all records with another key, or with none, in one transaction, once only the lease owners `owners` hold locks. */
  async changeKey(
    key: Key | undefined,
    { owners, timeout, signals }: { owners: string[]; timeout: number; signals: (AbortSignal | undefined)[] },
  ): Promise<void> {
    const { database, statements, ring } = this.#context;
    const next = key === undefined ? undefined : newCipher(key);
    const deadline = performance.now() + timeout;
    const sightings = new Map<unknown, Sighting>();
    // As for a caller of `exclusively`, only the last check trusts the server's clock.
    const isHeld = (lease: Row): boolean => {
      const sighting = seeLease(lease, sinceLost(database, sightings.get(lease.name)));
      sightings.set(lease.name, sighting);
      const now = performance.now();
      return now < sighting.endsAt && (now < deadline || Number(lease.left_ms) > 0);
    };
    const inTransaction = async (run: Run): Promise<Row | undefined> => {
      await run(statements.lockMeta);
      const current = await readMeta(database, statements, run);
      // Nothing is left to do: an earlier try may have been committed although its answer was lost.
      if (current ? next?.matches(current.salt) : !next) return;
      if (current || ring.isDecided || (await run(statements.list)).length > 0) ring.adopt(current);
      // A caller that gets a lock after this check can write only after this transaction, and a refresh writes before it asks the provider.
      // Each check goes through all locks, so that the leases of dead processes run out at the same time.
      const [held] = (await run(statements.locks, [owners])).filter(isHeld);
      if (held) return held;
      for (const row of await run(statements.readAll)) {
        const name = nameOf(row);
        const record = ring.open(name, row);
        const columns = next ? [null, next.seal(name, record)] : [JSON.stringify(record), null];
        await run(statements.sealAgain, [row.name, ...columns]);
      }
      // Already now: other calls may find the change before this one knows that it is done, or if its answer gets lost.
      ring.add(key, next);
      const check = next?.makeCheck();
      await run(statements.setKey, [check?.salt, check?.verifier]);
      return;
    };
    for (;;) {
      const held = await database.transaction(inTransaction, { isUnhurried: true });
      if (!held) break;
      const name = nameOf(held);
      if (performance.now() >= deadline) throw lockHeldError(name, timeout, { holder: held.holder ?? undefined });
      await pause(lookMs, signals);
    }
    ring.add(key, next);
    ring.adopt(next?.makeCheck());
  }

  async read(name: string, deadline = deadlineIn()): Promise<{ version?: Version; record?: TokenRecord | undefined }> {
    const { ring, watcher } = this.#context;
    const sentAt = performance.now();
    const row = (await this.#readRow(toStoredName(name), deadline)) ?? {};
    watcher.read(name, row.revision ?? null, sentAt);
    this.#known.delete(name);
    if (!row.revision) return {};
    if (!row.record && !row.sealed) return { version: this.#note(name, row.revision, undefined) };
    if (!ring.canOpen(row)) await adoptKey(this.#context, deadline);
    const record = ring.open(name, row);
    return { version: this.#note(name, row.revision, record), record };
  }

  /**
   * Repeats the statement until its result is known. The new revision tells whether an earlier try, whose answer was lost, was committed,
   * even if others have written since.
   */
  async #write({ deadline = deadlineIn(), ...write }: Write): Promise<Outcome> {
    const { name, record, lease, isRefused } = write;
    const key = toStoredName(name);
    if (record) await this.#decideKey(deadline);
    const { database, statements, ring, watcher } = this.#context;
    const revision = randomBytes(12).toString('base64url');
    const fence = [lease?.owner, lease?.fence, lease?.leaseTimeMs];
    const sentAt = performance.now();
    let { base } = write;
    let since = new Stopwatch();
    // A further round follows only if another caller has written the same name, or changed the key, since this store last saw them.
    for (;;) {
      const values = (): unknown[] => {
        const { json, sealed, salt } = record ? ring.seal(name, record) : noSeal;
        since = new Stopwatch();
        return [key, json, sealed, revision, salt, base, ...fence, statements.topicOf(name)];
      };
      const [found = {}] = await database.write(statements.write, values, { deadline }).catch((error) => {
        throw unanswered.has(error) ? unknownError(error) : error;
      });
      if (found.held === 't') lease?.renewed(since);
      const isWritten = found.written === 't' || found.was_written === 't';
      if (!isWritten && found.held !== 't') return 'lock-lost';
      if (!isWritten && found.key_fits !== 't') await adoptKey(this.#context, deadline);
      if (isWritten || isRefused?.(found)) {
        if (isWritten) this.#note(name, revision, record);
        watcher.read(name, isWritten ? revision : (found.revision ?? null), sentAt);
        return isWritten ? 'written' : 'not-written';
      }
      base = found.revision ?? undefined;
    }
  }

  /** The very first write puts the preferred key in use. If another host was faster, its key is in use, or none. */
  async #decideKey(deadline: number): Promise<void> {
    const { ring } = this.#context;
    if (ring.isDecided || ring.preferred === undefined) return;
    // Once for all first writes at the same time, unless it may end too late: a passphrase blocks the event loop for a quarter of a second.
    if (!this.#deciding || this.#deciding.deadline > deadline) {
      const decided = this.#putInUse(ring.preferred, deadline).finally(() => {
        this.#deciding = undefined;
      });
      this.#deciding = { deadline, decided };
    }
    await this.#deciding.decided;
  }

  async #putInUse(key: Key, deadline: number): Promise<void> {
    const { database, statements, ring } = this.#context;
    // Before the transaction, so that other hosts do not wait for a passphrase.
    const wanted = newCipher(key).makeCheck();
    const inTransaction = async (run: Run): Promise<KeyCheck | undefined> => {
      await run(statements.lockMeta);
      const check = await readMeta(database, statements, run);
      if (check || (await run(statements.list)).length > 0) return check;
      await run(statements.setKey, [wanted.salt, wanted.verifier]);
      return wanted;
    };
    ring.adopt(await database.transaction(inTransaction, { deadline, isPatient: true }));
  }

  #note(name: string, revision: string, record: TokenRecord | undefined): Version {
    if (this.#known.size >= maxKnown) this.#known.clear();
    const version = { revision, token: comparedToken(record) };
    this.#known.set(name, version);
    return version;
  }
}

function unknownError({ code, problem, reason, remedy, cause }: TokenStoreError): TokenStoreError {
  const details = { reason, remedy, cause };
  const error = new TokenStoreError(code, `${problem}; whether the write was done is not known`, details);
  unanswered.add(error);
  return error;
}
