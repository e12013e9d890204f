import type { SharedToken, SharedTokenEvent, TokenRecord } from 'shared-token';
import type { Machine, Process } from './machine/machine.ts';

/** What the provider gave out for one sign-in: the refresh tokens that follow each other, and their access tokens. */
export interface Family {
  readonly id: number;
  /** Under which name it belongs into the store, and of which client it is. */
  readonly name: string;
  clientId: string;
  /** Undefined: it was there when the schedule began. */
  readonly window: Window | undefined;
  /** Grows with each family. */
  readonly order: number;
  /** Another program stored it, without the lock. */
  isForeign: boolean;
  /** Its record was stored without the name of its client. */
  isBare: boolean;
  generation: number;
  current: string;
  /** It has another refresh token than at first. */
  isRotated: boolean;
  /** `person`: at the provider's own page. `reuse`: because a spent refresh token came again. */
  revoked?: 'person' | 'reuse';
  /** Why it may be lost: see the window in SECURITY.md. */
  excuse?: string;
  wasStored: boolean;
  /** The store said that a write of it failed, although it was done. */
  hasLostAnswer: boolean;
  /** A sign-out deleted it. */
  isSignedOut: boolean;
  /** After a sign-out its process takes it back, but was killed or met a store that failed. */
  couldNotBeTakenBack: boolean;
}

/** A refresh token that the provider knows. */
export interface RefreshToken {
  readonly value: string;
  readonly family: Family;
  readonly generation: number;
  /** The token that was spent for it. */
  readonly parent: RefreshToken | undefined;
  /** The step in which it was first stored. */
  storedAt?: number;
  spending?: Spending;
}

/** The provider has taken a refresh token and answered with the next one. */
interface Spending {
  readonly at: number;
  readonly call: RefreshCall;
  /** The refresh token of the answer was durably stored. */
  isStored: boolean;
}

export interface Access {
  readonly value: string;
  readonly family: Family;
  readonly generation: number;
  /** By the world's wall clock. Undefined: the provider did not say. */
  readonly expiresAt: number | undefined;
  /** The step in which the provider gave it out. */
  readonly issuedAt: number;
  /** The step in which it was first stored. */
  storedAt?: number;
}

/** Who holds a lock of the store. */
export interface Holder {
  readonly process: Process;
  readonly fence: number;
  /** The step in which it asked for the lock. */
  readonly askedAt: number;
  /** The step in which it acquired it. */
  readonly since: number;
  /** By the machine's clock. A lock of the kernel ends with its process only. */
  endsAt: number;
}

/** One SharedToken of one process. */
export interface Instance {
  readonly process: Process;
  readonly label: string;
  readonly name: string;
  readonly clientId: string;
  readonly token: SharedToken;
  readonly calls: Set<Call>;
  /** The steps in which its sign-outs began that succeeded. */
  readonly signOuts: number[];
  /** The steps in which its sign-outs began, whatever became of them. */
  readonly triedSignOuts: number[];
  /** Events so far that said that a token could not be stored. */
  storeFailures: number;
  /** Tokens that it gave out before they were stored. */
  readonly unstored: Access[];
  isClosed: boolean;
  /** It was closed when all trouble was over. */
  wasClosedCalmly: boolean;
  /** Its process has ended by itself, after a close() that had enough time. */
  hasExited: boolean;
}

export type Method = 'getToken' | 'signIn' | 'signOut' | 'read' | 'peek' | 'close';

/** One call of a method. */
export interface Call {
  readonly instance: Instance;
  readonly method: Method;
  readonly options: { forceRefresh?: boolean; interactive?: boolean };
  readonly startedAt: number;
  /** The access token that this instance held then. */
  readonly held: string | undefined;
  /** The access token that was stored then. */
  readonly stored: string | undefined;
  /** This instance had no token in memory yet, not even an expired one, and no forced refresh was under way that it could join. */
  readonly isFresh: boolean;
  readonly abortReason: Error | undefined;
  outcome?: { value: unknown } | { error: unknown };
}

/** One call of the user's `refresh`. */
export interface RefreshCall {
  readonly instance: Instance;
  readonly record: TokenRecord;
  readonly signal: AbortSignal;
  /** The lock that it runs under. */
  readonly holder: Holder | undefined;
  /** When SharedToken stops waiting for it. */
  readonly deadline: number;
  isSettled: boolean;
  /** Why its answer may be lost. */
  excuse?: string;
  /** The store failed before the answer was stored, for as long as it is tried with the lock held. Its process still has it. */
  isKeptInMemory?: boolean;
}

/** One call of the user's `signIn`: a window in front of the person. */
export interface Window {
  readonly instance: Instance;
  readonly signal: AbortSignal;
  readonly reason: string;
  readonly openedAt: number;
  readonly holder: Holder | undefined;
  /** The sign-in that was stored when it began, as far as its process had read. */
  readonly found: Family | undefined;
  isSettled: boolean;
}

/** What happens in a schedule, as far as a promise of SECURITY.md is about it. */
export type Fact =
  | { type: 'refresh-called'; call: RefreshCall }
  | { type: 'refresh-arrived'; call: RefreshCall; token: RefreshToken }
  | { type: 'person-asked'; window: Window }
  | { type: 'written'; name: string; before: TokenRecord | undefined; record: TokenRecord; by: Process | undefined }
  | { type: 'deleted'; name: string; before: TokenRecord; by: Process }
  | { type: 'call-settled'; call: Call }
  | { type: 'event'; instance: Instance; event: SharedTokenEvent }
  | { type: 'calm' }
  | { type: 'ended' };

/** How long a write that fails is done again before the lock is released: docs/architecture.md. */
const writeLimitMs = 10_000;

/** Everything that happened, in the shape that the invariants ask for. It judges nothing. */
export class History {
  readonly machine: Machine;
  readonly families: Family[] = [];
  readonly refreshTokens = new Map<string, RefreshToken>();
  readonly accesses = new Map<string, Access>();
  readonly instances: Instance[] = [];
  readonly refreshCalls: RefreshCall[] = [];
  readonly windows: Window[] = [];
  /** For each name: the sign-in that has to be in the store until a sign-out or a newer one. */
  readonly owed = new Map<string, Family>();
  /** For each name: how many sign-outs are under way. */
  readonly signingOut = new Map<string, number>();
  /** For each name: what the store has. */
  readonly stored = new Map<string, TokenRecord>();
  /** Whether a wall clock was set, or anything took much longer than it should: then no expiry can be compared. */
  hasOddTime = false;
  /** Whether everything was mended, for the last calls. */
  isCalm = false;

  /** For each process and name: the step of its last read. */
  readonly #reads = new Map<string, { step: number; record: TokenRecord | undefined }>();
  readonly #lastWritten = new Map<Process, Family>();
  /** The steps in which versions of records were replaced. */
  readonly #replaced = new Map<string, number>();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  familyOf(record: TokenRecord | undefined): Family | undefined {
    return record && this.refreshTokens.get(record.refreshToken)?.family;
  }

  /** Of this process, something went wrong while an answer of the provider was on its way into the store. */
  excuse(process: Process, why: string): void {
    for (const { call } of this.#openSpendings(process)) call.excuse ??= why;
  }

  /** The last write of this process was done, and the store says that it failed. */
  answerWasLost(process: Process): void {
    const family = this.#lastWritten.get(process);
    if (family) family.hasLostAnswer = true;
  }

  /** Of this process, the store failed. Until the answer is stored, it has it in memory; and for a while, it keeps the lock. */
  storeFailed(process: Process, code: string): void {
    for (const { at, call } of this.#openSpendings(process)) {
      const isTriedAgain = code !== 'STORE_FULL' && this.machine.now - at < writeLimitMs && !call.instance.isClosed;
      if (!isTriedAgain) call.isKeptInMemory = true;
    }
    for (const family of this.families) {
      const { instance, openedAt = 0 } = family.window ?? {};
      if (instance?.process !== process || !instance.triedSignOuts.some((startedAt) => startedAt >= openedAt)) continue;
      family.couldNotBeTakenBack = true;
    }
  }

  /** The process ends by itself, after close(): a request that is still under way then has no excuse, unless the store was slow. */
  exited(instance: Instance): void {
    if (this.hasOddTime) return;
    instance.hasExited = true;
    for (const call of this.refreshCalls) {
      if (call.instance === instance && this.machine.now < call.deadline) call.isSettled = true;
    }
  }

  /** The calls of refresh whose answer the provider has given, and the store does not have. */
  *#openSpendings(process: Process): Generator<Spending> {
    for (const { spending } of this.refreshTokens.values()) {
      if (spending && !spending.isStored && spending.call.instance.process === process) yield spending;
    }
  }

  wasRead(process: Process, name: string): void {
    this.#reads.set(`${process.id} ${name}`, { step: this.machine.steps, record: this.stored.get(name) });
  }

  lastReadBy(process: Process, name: string): { step: number; record: TokenRecord | undefined } {
    return this.#reads.get(`${process.id} ${name}`) ?? { step: -1, record: undefined };
  }

  /** The step in which the store got another record than this one; Infinity if it still has it, -1 if it never had it. */
  replacedAt(name: string, record: TokenRecord): number {
    return this.#replaced.get(versionOf(name, record)) ?? -1;
  }

  #replace(name: string, record: TokenRecord | undefined): void {
    const before = this.stored.get(name);
    if (before) this.#replaced.set(versionOf(name, before), this.machine.steps);
    if (record) {
      this.#replaced.set(versionOf(name, record), Number.POSITIVE_INFINITY);
      this.stored.set(name, record);
    } else this.stored.delete(name);
  }

  /** Of the facts that change what is known. */
  record(fact: Fact): void {
    const { machine } = this;
    switch (fact.type) {
      case 'refresh-called':
        this.refreshCalls.push(fact.call);
        break;
      case 'person-asked':
        this.windows.push(fact.window);
        break;
      case 'written': {
        const { name, record } = fact;
        this.#replace(name, record);
        const token = this.refreshTokens.get(record.refreshToken);
        const access = this.accesses.get(record.accessToken ?? '');
        if (access) access.storedAt ??= machine.steps;
        if (!token) break;
        token.storedAt ??= machine.steps;
        if (fact.by) this.#lastWritten.set(fact.by, token.family);
        if (!token.family.wasStored) token.family.couldNotBeTakenBack = fact.by?.isDead === true;
        token.family.wasStored = true;
        if (record.clientId === undefined) token.family.isBare = true;
        else if (token.family.isBare) token.family.clientId = record.clientId;
        if (token.parent?.spending) token.parent.spending.isStored = true;
        // A sign-in that was written in the same moment as a sign-out is taken back.
        const { instance, openedAt = 0 } = token.family.window ?? {};
        const isTakenBack = instance?.signOuts.some((startedAt) => startedAt >= openedAt);
        if (!this.signingOut.get(name) && !isTakenBack) this.owed.set(name, token.family);
        break;
      }
      case 'deleted': {
        this.#replace(fact.name, undefined);
        const family = this.familyOf(fact.before);
        if (family) family.isSignedOut = true;
        break;
      }
      case 'event':
        if (fact.event.type === 'store-failed') fact.instance.storeFailures++;
        break;
      case 'calm':
        this.isCalm = true;
        break;
      default:
    }
  }

  /** A sign-out of this instance began. */
  signOutBegan({ name, triedSignOuts }: Instance): void {
    triedSignOuts.push(this.machine.steps);
    this.signingOut.set(name, (this.signingOut.get(name) ?? 0) + 1);
    this.owed.delete(name);
    // Even if the sign-out fails: the person wants it gone, and what was not stored yet is dropped.
    for (const instance of this.instances.filter((each) => each.name === name)) {
      instance.unstored.length = 0;
      this.excuse(instance.process, 'a sign-out');
    }
  }

  signOutEnded(instance: Instance, call: Call): void {
    const { name } = instance;
    this.signingOut.set(name, (this.signingOut.get(name) ?? 1) - 1);
    if (call.outcome && 'value' in call.outcome) instance.signOuts.push(call.startedAt);
  }
}

function versionOf(name: string, { refreshToken, accessToken }: TokenRecord): string {
  return `${name} ${refreshToken} ${accessToken}`;
}
