import { comparedToken, type MaybePromise, recordFields, settled, type TokenRecord } from 'token-store-kit';
import { inTime } from './in-time.ts';
import type { Settings } from './options.ts';
import { type SharedTokenError, type SignInReason, toStoreError, tryAgainError } from './shared-token-error.ts';
import { describeError, type Emit, secretsOf } from './shared-token-event.ts';
import { readData } from './token-response.ts';
import {
  type AccessToken,
  hasAccessToken,
  isOurs,
  isStale,
  toAccessToken,
  type UsableRecord,
  type Validity,
} from './usable-token.ts';

/** How long a call of the store may take, with its wait for the calls before it. Stores of this repository report a failure sooner. */
const answerLimitMs = 12_000;

/** If a call of the store takes longer than this, callers may have a token that is still valid. */
const slowAnswerMs = 500;

/** How long callers wait for a new token to be stored. */
const storingLimitMs = 10_000;

/** Between two attempts to write: each pause is twice the one before. `unhurried`: when no caller waits. */
const pauseMs = { first: 50, longest: 1_000, unhurried: 5_000 };

/** How long close() tries to write. */
const lastWriteLimitMs = 5_000;

/** A record in memory. */
export interface Held {
  readonly record: TokenRecord;
  /** Whether it is of this client and authority. */
  readonly isOurs: boolean;
  /** What callers get. Undefined if the record is not ours, or has no access token. */
  readonly token: AccessToken | undefined;
  /** The wall clock minus the monotonic clock, which is never set back, when the token came into memory. */
  readonly clockOffset: number;
}

/** What a token has to be good for. */
export interface Need extends Validity {
  /** An access token that an API has rejected. */
  readonly rejected?: string | undefined;
}

/** The result of getting a token without asking a person. */
export type Outcome =
  | { readonly type: 'token'; readonly record: UsableRecord }
  /** A person has to sign in. `record`: the stored record, which cannot be used. */
  | {
      readonly type: 'sign-in';
      readonly error: SharedTokenError;
      readonly reason: SignInReason;
      readonly record: TokenRecord | undefined;
    };

/** Facts about a sign-in whose record is written. */
export interface SignInFacts {
  /** Whether `accepts` refuses the record, which counts all the same. */
  readonly isLess: boolean;
  /** Whether the person was asked because scopes were missing. */
  readonly isStepUp: boolean;
}

/** A change of the stored record, from the call of `advance` until it is made or dropped. */
interface Change {
  before: TokenRecord | undefined;
  readonly next: TokenRecord;
  /** Only for a sign-in. */
  readonly signIn: SignInFacts | undefined;
  /** What is in memory meanwhile, if it is not what the store has. */
  held: Held | undefined;
  /** Whether callers wait until it is stored. */
  isAwaited: boolean;
  /** Whether `store-failed` was emitted. */
  isTold: boolean;
  error: unknown;
  timer: NodeJS.Timeout | undefined;
  wake: () => void;
  readonly outcome: PromiseWithResolvers<boolean>;
  readonly done: PromiseWithResolvers<void>;
}

const silent = (): SharedTokenError => tryAgainError('The store did not answer');

/**
 * The record of one name: what this process knows of it, and the one way to change it.
 *
 * All calls of the store are made one after the other. What the last one answered is what this process knows, so no older answer can take
 * the place of a newer one. Every change is a compare-and-swap from one record to the next, so a late or repeated attempt changes nothing.
 */
export class StoredRecord {
  readonly settings: Settings;
  readonly emit: Emit;
  /**
   * Runs a function outside of the task of `exclusively`. A store refuses the writes of a task that has lost its lock, and a call of
   * `exclusively` within a task.
   */
  readonly outside: <T>(call: () => T) => T;
  /** Counts the sign-outs of this instance: work that began before one stores nothing. */
  signOuts = 0;
  #stored: Held | undefined;
  #change: Change | undefined;
  /** The last own sign-in, if it counts although `accepts` refuses its record. */
  #granted: (SignInFacts & { readonly record: TokenRecord }) | undefined;
  /** Settles when the last call of the store is over. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The read that has not begun yet. */
  #nextRead: Promise<unknown> | undefined;
  /** Settles when each write of a first record is answered. Until then, it could undo a sign-out. */
  #inserts: Promise<unknown> = Promise.resolve();
  /** Whether the last call of the store took long, or takes long. */
  #isSlow = false;
  readonly #onSlow = new Set<() => void>();
  #isClosed = false;
  /** Settles when what close() waits for besides the calls is over. */
  beforeClose: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, emit: Emit, outside: <T>(call: () => T) => T) {
    this.settings = settings;
    this.emit = emit;
    this.outside = outside;
  }

  /** What this process knows. Nothing else is ever in memory. */
  get held(): Held | undefined {
    return this.#change?.held ?? this.#stored;
  }

  /** The same record, if it is of this client and authority. */
  get ours(): TokenRecord | undefined {
    const { held } = this;
    return held?.isOurs ? held.record : undefined;
  }

  /** The token, if it is good for the need. Two clocks have to agree: a wall clock can be set back. What `accepts` throws passes through. */
  good(need: Need): (Held & { readonly record: UsableRecord; readonly token: AccessToken }) | undefined {
    const { held } = this;
    if (!held?.token || held.token.accessToken === need.rejected) return undefined;
    const { record, clockOffset } = held;
    if (isStale(record, Date.now(), need) || isStale(record, performance.now() + clockOffset, need)) return undefined;
    return this.accepts(record) ? (held as ReturnType<StoredRecord['good']>) : undefined;
  }

  /**
   * Whether a record has what this program needs. The result of the last own sign-in counts although it has less: the person has just
   * answered, and is not asked again at each call.
   */
  accepts(record: TokenRecord): boolean {
    const { accepts } = this.settings;
    if (accepts(record)) return true;
    const granted = this.#granted;
    // If `accepts` approved it at first, the needs have grown since.
    if (!granted || (!granted.isLess && !accepts(granted.record))) return false;
    const { signedInAt, clientId } = granted.record;
    if (record.signedInAt === signedInAt) return true;
    // Otherwise, two programs of one client that both lack scopes would ask the person by turns.
    return [undefined, clientId].includes(record.clientId) && scopesOf(record) === scopesOf(granted.record);
  }

  /** A call forces a refresh: from now on, its own sign-in counts only if `accepts` approves it. */
  forgetGrant(): void {
    this.#granted = undefined;
  }

  /** Reads the record, of any client. Calls that come before the read begins share it. Throws STORE. */
  async read(): Promise<TokenRecord | undefined> {
    const { signOuts } = this;
    this.#nextRead ??= this.#ask(
      () => {
        this.#nextRead = undefined;
        return this.settings.store.get(this.settings.name);
      },
      (found) => this.#hear(readStoredRecord(found)),
    ).finally(() => {
      this.#nextRead = undefined;
    });
    await this.#nextRead;
    // The answer may be older than a sign-out that came meanwhile.
    return signOuts === this.signOuts ? this.held?.record : this.read();
  }

  /** Writes the record back as it is, before its refresh token is spent. False if the record has to be read again. Throws STORE. */
  async prove(record: TokenRecord): Promise<boolean> {
    const change = this.#change;
    const { store, name } = this.settings;
    if (!change)
      return this.#ask(
        () => store.replace(name, comparedToken(record), record),
        () => {},
      );
    if (await settled(change.done.promise, storingLimitMs)) return false;
    throw toStoreError(change.error ?? silent());
  }

  /** Settles when nothing has to be stored any more, and nothing may be spent before. Undefined if that is so. */
  get pending(): Promise<void> | undefined {
    return this.#change?.done.promise;
  }

  /**
   * Replaces `before` by `next`, with as many attempts as it takes, one change at a time. `isLocked`: the caller holds the record's lock, and
   * has just read `before`. True: stored, or given up waiting for that after 10 seconds. False: a newer record is stored, or a sign-out came.
   */
  advance(
    before: TokenRecord | undefined,
    next: TokenRecord,
    { signIn, isLocked = false }: { signIn?: SignInFacts; isLocked?: boolean } = {},
  ): Promise<boolean> {
    const change: Change = {
      ...{ before, next, signIn, held: undefined, isAwaited: next.refusedAt === undefined, isTold: false },
      ...{ error: undefined, timer: undefined, wake: () => {} },
      ...{ outcome: Promise.withResolvers<boolean>(), done: Promise.withResolvers<void>() },
    };
    const known = this.held?.record;
    const isKnown = known === undefined || hasSameTokens(known, before);
    if (!isKnown && signIn && isEarlier(known, change)) change.before = known;
    else if (!isKnown) return Promise.resolve(false);
    const pending = this.#change;
    const isNext = pending !== undefined && hasSameTokens(pending.next, change.before);
    if (isNext) change.before = pending.before;
    // A newer record is on its way.
    else if (pending && !(signIn && isEarlier(pending.next, change))) return pending.outcome.promise.then(() => false);
    change.held = pending?.held;
    change.isTold = pending?.isTold ?? false;
    // The lock is kept, and the callers wait, for the newer one.
    pending?.done.resolve(change.done.promise);
    pending?.outcome.resolve(change.outcome.promise.then(() => false));
    if (pending) this.#end(pending, false);
    this.#change = change;
    // A token that an API has rejected must not be given out, whether or not the store takes the mark.
    if (!change.isAwaited) change.held = this.#hold(next);
    else change.timer = setTimeout(() => this.#show(change), storingLimitMs);
    // Compare-and-swap sees only the refresh token.
    const isSafe = isLocked || signIn !== undefined || before?.refreshToken !== next.refreshToken;
    void this.#write(change, !isSafe);
    return change.outcome.promise;
  }

  /**
   * Deletes the record after all calls before, and waits for that without a limit: a deletion that was given up could delete a new sign-in.
   * Resolves with the record for `revoke`, if any. Throws STORE, also if a first record may still be written after the deletion.
   */
  async remove(): Promise<TokenRecord | undefined> {
    const { store, name, revoke } = this.settings;
    const change = this.#change;
    const inserted = inTime(answerLimitMs, this.#inserts, silent);
    inserted.catch(() => {});
    this.signOuts++;
    this.#nextRead = undefined;
    this.#granted = undefined;
    this.#stored = undefined;
    if (change) this.#end(change, false);
    let found: TokenRecord | undefined;
    const isDeleted = await this.#ask(
      async () => {
        await inserted.catch(() => {});
        // A store that fails to read may still be able to delete.
        const get = async (): Promise<unknown> => revoke && store.get(name);
        found = readStoredRecord(await inTime(answerLimitMs, get(), silent).catch(() => undefined));
        return store.delete(name);
      },
      () => this.#hear(undefined),
      Number.POSITIVE_INFINITY,
    );
    await inserted;
    // Of two sign-outs at the same moment, the one that has deleted the record revokes it.
    const record = change?.next ?? (isDeleted ? found : undefined);
    return record && isOurs(record, this.settings) ? record : undefined;
  }

  /** Lets close() wait for this work, which must have a deadline. */
  closeAfter(work: Promise<unknown>): void {
    this.beforeClose = Promise.allSettled([this.beforeClose, work]).then(() => {});
  }

  /** Waits for the last write, for a limited time. After that, a change is dropped when an attempt fails. */
  async close(): Promise<void> {
    this.#change?.wake();
    if (this.#change) await settled(this.#change.done.promise, lastWriteLimitMs);
    this.#isClosed = true;
    if (this.#change) this.#end(this.#change, false);
    this.#stored = undefined;
  }

  /** Calls `tell` when a call of the store takes long, or at once if one does. Returns a function that ends this. */
  whenSlow(tell: () => void): () => void {
    if (this.#isSlow) tell();
    this.#onSlow.add(tell);
    return () => this.#onSlow.delete(tell);
  }

  async #write(change: Change, mustLook: boolean): Promise<void> {
    let pause = pauseMs.first;
    for (let isFirst = true; this.#change === change; isFirst = false) {
      try {
        // After a write that failed or had no answer, the record says what became of it.
        if (mustLook || !isFirst) await this.read();
        if (this.#change !== change) return;
        const attempt = (): Promise<boolean> => this.#attempt(change);
        if (await (isFirst ? attempt() : this.outside(attempt))) return;
      } catch (error) {
        change.error = error;
        if (!change.isAwaited) change.outcome.resolve(true);
        if (this.#isClosed && this.#change === change) this.#end(change, false);
      }
      if (this.#change !== change) return;
      await this.#pause(change, pause);
      pause = Math.min(2 * pause, change.isAwaited ? pauseMs.longest : pauseMs.unhurried);
    }
  }

  #attempt({ before, next }: Change): Promise<boolean> {
    const { store, name } = this.settings;
    const { signOuts } = this;
    const write = async (): Promise<boolean> => store.replace(name, comparedToken(before), next);
    const insert = (): MaybePromise<boolean> => {
      if (signOuts !== this.signOuts) return false;
      const inserting = write();
      this.#inserts = Promise.allSettled([this.#inserts, inserting]);
      return inserting;
    };
    return this.#ask(before ? write : insert, (isMade) => {
      if (isMade) this.#hear(next);
    });
  }

  /** The timer keeps the process alive only while callers wait. */
  #pause(change: Change, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      if (!change.isAwaited) timer.unref();
      change.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #show(change: Change): void {
    change.isAwaited = false;
    change.isTold = true;
    // Not after a sign-out.
    if (hasSameTokens(this.#stored?.record, change.before)) {
      change.held = this.#hold(change.next);
      this.#grant(change);
    }
    const error = toStoreError(change.error ?? silent());
    const secrets = [...secretsOf(change.before), ...secretsOf(change.next)];
    this.emit({ type: 'store-failed', error: describeError(error, secrets) }, error);
    change.outcome.resolve(true);
  }

  #end(change: Change, isMade: boolean): void {
    clearTimeout(change.timer);
    this.#change = undefined;
    change.wake();
    if (isMade) this.#grant(change);
    if (isMade && change.isTold) this.emit({ type: 'store-recovered' });
    change.outcome.resolve(isMade);
    change.done.resolve();
  }

  #grant({ signIn, next }: Change): void {
    if (signIn) this.#granted = signIn.isLess || signIn.isStepUp ? { ...signIn, record: next } : undefined;
  }

  /** What the store has now. That decides what becomes of the change. */
  #hear(found: TokenRecord | undefined): void {
    this.#stored = this.#hold(found);
    const change = this.#change;
    if (!change) return;
    if (isSame(found, change.next)) this.#end(change, true);
    // Another process may have marked it as refused.
    else if (hasSameTokens(found, change.before)) return;
    else if (found && change.signIn && isEarlier(found, change)) change.before = found;
    else this.#end(change, false);
  }

  #hold(found: TokenRecord | undefined): Held | undefined {
    if (!found) return undefined;
    const { held } = this;
    const record = Object.freeze({ ...found });
    const { accessToken, obtainedAt } = record;
    const isKnown = held?.record.accessToken === accessToken && held?.record.obtainedAt === obtainedAt;
    const ours = isOurs(record, this.settings);
    return {
      record,
      isOurs: ours,
      token: ours && hasAccessToken(record) ? Object.freeze(toAccessToken(record)) : undefined,
      clockOffset: isKnown && held ? held.clockOffset : Date.now() - performance.now(),
    };
  }

  /**
   * One call of the store, after all earlier ones. `hear` gets its answer, unless that is late, or older than a sign-out. Throws STORE,
   * also if there is no answer in time.
   */
  async #ask<T>(call: () => MaybePromise<T>, hear: (answer: T) => void, limitMs = answerLimitMs): Promise<T> {
    const { signOuts } = this;
    const before = this.#turn;
    const late = Promise.withResolvers<never>();
    let isLate = false;
    const asked = before.then(async () => {
      if (isLate) throw silent();
      const answer = await call();
      if (!isLate && signOuts === this.signOuts) hear(answer);
      return answer;
    });
    const answered = Promise.race([asked, late.promise]);
    this.#turn = before.then(() => answered).catch(() => {});
    const slowTimer = setTimeout(() => {
      this.#isSlow = true;
      for (const tell of this.#onSlow) tell();
    }, slowAnswerMs);
    const giveUp = (): void => {
      isLate = true;
      late.reject(silent());
    };
    const timer = limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(giveUp, limitMs);
    try {
      return await answered;
    } catch (error) {
      throw toStoreError(error);
    } finally {
      clearTimeout(slowTimer);
      clearTimeout(timer);
      this.#isSlow &&= isLate;
    }
  }
}

/** Whether both are the same, with or without the mark of a refusal. */
export function isSame(one: TokenRecord | undefined, other: TokenRecord | undefined): boolean {
  return hasSameTokens(one, other) && one?.refusedAt === other?.refusedAt;
}

function hasSameTokens(one: TokenRecord | undefined, other: TokenRecord | undefined): boolean {
  return one?.refreshToken === other?.refreshToken && one?.accessToken === other?.accessToken;
}

/** Whether the sign-in `next` takes the place of a record that it did not know: a refresh of `before`, or of an earlier sign-in. */
function isEarlier({ signedInAt = 0 }: TokenRecord, { before, next }: Change): boolean {
  return (before !== undefined && signedInAt === (before.signedInAt ?? 0)) || signedInAt < (next.signedInAt ?? 0);
}

/** Sorted, because providers change the order. */
function scopesOf({ scope = '' }: TokenRecord): string {
  return scope.split(' ').sort().join(' ');
}

/**
 * Reads a record as the store returned it. Databases and JSON turn an absent record or field into null or {}, and a time into text.
 * Ignores times that are not numbers, and tokens that are empty or not strings. The fields have the kit's order, so that a record that is
 * written again gives the same JSON.
 */
function readStoredRecord(found: unknown): TokenRecord | undefined {
  const given: Record<string, unknown> = Object(found);
  const record: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(recordFields)) {
    const value = given[field] ?? undefined;
    let read = value;
    if (kind === 'texts') read = readData(value);
    else if (kind === 'time') read = Number(value);
    if (read !== undefined && !Number.isNaN(read)) record[field] = read;
  }
  for (const token of ['refreshToken', 'accessToken'])
    if (typeof record[token] !== 'string' || !record[token]) delete record[token];
  return comparedToken(record) === undefined ? undefined : record;
}
