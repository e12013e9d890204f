import type { AccessToken, TokenRecord } from 'shared-token';
import type { Access, Call, Fact, Family, Instance, RefreshCall, RefreshToken, Spending, Window } from './facts.ts';
import type { Machine, Process } from './machine/machine.ts';

/** How long a write that fails is done again before the lock is released: docs/architecture.md. */
export const writeLimitMs = 10_000;

/** The same on a full disk. */
const fullLimitMs = 1_000;

/** If the store has not answered for that long, a token that is still valid is given out. */
const silentAfterMs = 500;

/** A call of the store that has not been answered. */
interface StoreRequest {
  readonly label: string;
  readonly askedAt: number;
  readonly askedAtMs: number;
}

/** A read of a record by a process. */
interface Read {
  readonly process: Process;
  readonly name: string;
  step: number;
  record: TokenRecord | undefined;
  /** The last time that there was one. */
  found: { readonly step: number; readonly record: TokenRecord } | undefined;
}

/** A record as it was stored. */
interface Version {
  readonly name: string;
  readonly record: TokenRecord;
  /** The step in which it was first written. */
  readonly writtenAt: number;
  /** The step in which its sign-in last came in place of another one. */
  storedAt: number;
  /** The step in which the store got another one; Infinity if it still has this one. */
  replacedAt: number;
}

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
  /** Whether a process was stopped or slow: then no call can end in time. */
  hasStalled = false;
  /** Whether an exchange with the provider was not plain, a process was killed, or a lease ended at another time than it should. */
  hasTrouble = false;
  /** Whether a call of the store failed, did not settle, or came late. */
  hasStoreFailed = false;
  /** Processes of which a call of the store never settles. */
  readonly wasSilentTo = new Set<Process>();
  /** The calls of the store that a process waits for. */
  readonly waiting = new Map<Process, Set<StoreRequest>>();
  /** For each process: when the last call of the store that took so long had not been answered for that long. */
  readonly silentAtMs = new Map<Process, number>();
  /** For each process: the step in which it was told last that a call of the store failed. */
  readonly failedAt = new Map<Process, number>();
  refreshAheadMs = 0;
  expirySkewMs: number | undefined;
  /** Whether everything was mended, for the last calls. */
  isCalm = false;

  /** For each process and name: its last read. */
  readonly #reads: Read[] = [];
  readonly #lastWritten = new Map<Process, Family>();
  /** All versions of all records, in the order in which they were written. */
  readonly #versions: Version[] = [];

  constructor(machine: Machine) {
    this.machine = machine;
  }

  familyOf(record: TokenRecord | undefined): Family | undefined {
    if (record?.refreshToken !== undefined) return this.refreshTokens.get(record.refreshToken)?.family;
    return this.accesses.get(record?.accessToken ?? '')?.family;
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

  /** Whether it does not know what became of its writes: of the last one, and of sign-ins that are not stored yet. */
  #loseAnswers(process: Process, areLost: boolean): void {
    const written = this.#lastWritten.get(process);
    for (const family of this.families) {
      const isOwn = family.window?.instance.process === process && !(areLost && family.wasStored);
      if (!isOwn && family !== written) continue;
      if (family.hasLostAnswer && !areLost) family.answerFoundAt = this.machine.steps;
      family.hasLostAnswer = areLost;
    }
  }

  /** Of this process, the store failed. Until the answer is stored, it has it in memory; and for a while, it keeps the lock. */
  storeFailed(process: Process, code: string): void {
    this.failedAt.set(process, this.machine.steps);
    for (const { at, call } of this.#openSpendings(process)) {
      const limitMs = code === 'STORE_FULL' ? fullLimitMs : writeLimitMs;
      if (this.machine.now - at >= limitMs || call.instance.isClosed) call.isKeptInMemory = true;
    }
  }

  /** Whether the store may count as silent for the call. Perhaps another call of the store waits for longer already. */
  wasSilent({ instance, startedAtMs }: Call): boolean {
    const isWaiting = (this.waiting.get(instance.process)?.size ?? 0) > 0;
    return this.hasOddTime && (isWaiting || this.machine.now - startedAtMs >= silentAfterMs);
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

  asked(process: Process, request: StoreRequest): void {
    const waiting = this.waiting.get(process);
    if (waiting) waiting.add(request);
    else this.waiting.set(process, new Set([request]));
  }

  wasAnswered(process: Process, request: StoreRequest): void {
    if (!this.waiting.get(process)?.delete(request)) return;
    const silentAtMs = request.askedAtMs + silentAfterMs;
    if (silentAtMs <= this.machine.now) this.silentAtMs.set(process, silentAtMs);
  }

  wasRead(process: Process, name: string): void {
    const record = this.stored.get(name);
    const { steps: step } = this.machine;
    const read = this.#findRead(process, name);
    if (!read) this.#reads.push({ process, name, step, record, found: record && { record, step } });
    else {
      read.step = step;
      read.record = record;
      if (record) read.found = { record, step };
    }
  }

  lastReadBy(process: Process, name: string): Omit<Read, 'process' | 'name'> {
    return this.#findRead(process, name) ?? { step: -1, record: undefined, found: undefined };
  }

  #findRead(process: Process, name: string): Read | undefined {
    for (const read of this.#reads) if (read.process === process && read.name === name) return read;
    return undefined;
  }

  /** The step in which the store got another record than this one; Infinity if it still has it, -1 if it never had it. */
  replacedAt(name: string, record: TokenRecord): number {
    return this.#findVersion(name, record)?.replacedAt ?? -1;
  }

  /** The step in which the record was first written. */
  writtenAt(name: string, record: TokenRecord): number {
    return this.#findVersion(name, record)?.writtenAt ?? Number.POSITIVE_INFINITY;
  }

  /** The step in which the record's sign-in last came in place of another one. */
  storedAt(name: string, record: TokenRecord): number {
    return this.#findVersion(name, record)?.storedAt ?? -1;
  }

  #findVersion(name: string, { refreshToken, accessToken }: TokenRecord): Version | undefined {
    const versions = this.#versions;
    for (let index = versions.length - 1; index >= 0; index--) {
      const version = versions[index] as Version;
      const { record } = version;
      if (record.refreshToken === refreshToken && record.accessToken === accessToken && version.name === name)
        return version;
    }
    return undefined;
  }

  #replace(name: string, record: TokenRecord | undefined): void {
    const before = this.stored.get(name);
    const old = before && this.#findVersion(name, before);
    if (old) old.replacedAt = this.machine.steps;
    if (!record) {
      this.stored.delete(name);
      return;
    }
    const { steps: writtenAt } = this.machine;
    const isSameSignIn = old && this.familyOf(before) === this.familyOf(record);
    const storedAt = isSameSignIn ? old.storedAt : writtenAt;
    const replacedAt = Number.POSITIVE_INFINITY;
    const again = this.#findVersion(name, record);
    if (again) Object.assign(again, { storedAt, replacedAt });
    else this.#versions.push({ name, record, writtenAt, storedAt, replacedAt });
    this.stored.set(name, record);
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
        const replaced = this.accesses.get(this.stored.get(name)?.accessToken ?? '');
        // A program that knows no marks has taken it away.
        if (!fact.by) delete replaced?.rejectedAt;
        this.#replace(name, record);
        const token = this.refreshTokens.get(record.refreshToken ?? '');
        const access = this.accesses.get(record.accessToken ?? '');
        if (access) access.storedAt ??= machine.steps;
        const isEnded = record.refusedAt !== undefined && (!record.refreshToken || record.expiresAt === undefined);
        if (access && isEnded) access.rejectedAt ??= machine.steps;
        const family = this.familyOf(record);
        if (!family) break;
        if (token) token.storedAt ??= machine.steps;
        if (family.signedOut) family.wasStoredAgain = true;
        // The sign-in comes in place of another one, and the mark was lost with its first record.
        if (access && !isEnded && this.storedAt(name, record) === machine.steps) delete access.rejectedAt;
        if (fact.by) this.#lastWritten.set(fact.by, family);
        if (!family.wasStored) family.cameLate = family.window?.signal.aborted === true;
        family.wasStored = true;
        if (record.clientId === undefined) family.isBare = true;
        else if (family.isBare) family.clientId = record.clientId;
        if (token?.parent?.spending) token.parent.spending.isStored = true;
        // The person wants it gone, even if the sign-out fails.
        const { instance, openedAt = 0 } = family.window ?? {};
        const isUnwanted = instance?.triedSignOuts.some((startedAt) => startedAt >= openedAt);
        if (!this.signingOut.get(name) && !isUnwanted) this.owed.set(name, family);
        break;
      }
      case 'deleted': {
        this.#replace(fact.name, undefined);
        const family = this.familyOf(fact.before);
        if (family) family.signedOut = { by: fact.by, step: machine.steps };
        break;
      }
      case 'event':
        if (fact.event.type === 'signed-in') {
          this.#judged(fact.instance);
          // The token of the sign-in is in memory from now on.
          fact.instance.given = undefined;
        }
        if (/^(stored-token|refreshed|signed-in|refresh-failed)$/.test(fact.event.type))
          fact.instance.mayHoldToken = true;
        if (fact.event.type === 'refresh-failed') {
          const { given, retryAfterMs } = fact.instance;
          fact.instance.lastFailure = machine.steps;
          // Of a refresh ahead, which no call waits for.
          if (given && fact.event.bridged) this.#bridge(fact.instance, given.accessToken, retryAfterMs);
        }
        if (fact.event.type === 'refreshed') {
          const call = this.refreshCalls.findLast(({ instance }) => instance === fact.instance);
          const isSignedOut = fact.instance.triedSignOuts.some((step) => step >= (call?.calledAt ?? 0));
          if (call?.brought && !isSignedOut) fact.instance.refreshed = { access: call.brought, step: machine.steps };
        }
        if (fact.event.type === 'sign-in-failed') fact.instance.lastSignInFailure = machine.steps;
        // From now on its process knows that it was stored, and when it is gone.
        if (fact.event.type === 'store-recovered') this.#loseAnswers(fact.instance.process, false);
        if (fact.event.type !== 'store-failed') break;
        fact.instance.storeFailures++;
        for (const call of this.refreshCalls) if (call.instance === fact.instance) call.answeredAtMs = undefined;
        // It has not failed yet, but is not waited for any longer.
        if (fact.event.error.message.startsWith('The store did not answer')) {
          this.#loseAnswers(fact.instance.process, true);
          for (const { at, call } of this.#openSpendings(fact.instance.process)) {
            if (machine.now - at >= writeLimitMs) call.isKeptInMemory = true;
          }
        }
        break;
      case 'call-settled': {
        const { instance, method, options, outcome, startedAt, startedAtMs } = fact.call;
        const given = Object(outcome && 'value' in outcome && outcome.value) as AccessToken;
        const token = given.accessToken;
        const { issuedAt = Number.POSITIVE_INFINITY } = this.accesses.get(token) ?? {};
        const isOfNow = !instance.isClosed && !instance.triedSignOuts.some((step) => step >= startedAt);
        if (method !== 'read' && token !== undefined && isOfNow)
          Object.assign(instance, { given, givenAtMs: machine.now });
        const tookMs = machine.now - startedAtMs;
        fact.call.mayGoOn = this.wasSilent(fact.call);
        const inMemory = fact.call.held ?? fact.call.given?.accessToken;
        const { stored } = fact.call;
        const { record } = this.lastReadBy(instance.process, instance.name);
        const found = record?.accessToken === stored?.accessToken ? record?.accessToken : undefined;
        const rejected = this.accesses.get(inMemory ?? found ?? '');
        const isRefused = Object(outcome && 'error' in outcome && outcome.error).reason === 'refused';
        const isAtItsEnd = rejected && (!rejected.family.hasRefreshTokens || rejected.expiresAt === undefined);
        if (options.forceRefresh && isRefused && isAtItsEnd) instance.ended.set(rejected.value, machine.steps);
        const hasFailed = instance.lastFailure > issuedAt;
        if (method === 'getToken' && issuedAt < startedAt && (hasFailed || tookMs >= silentAfterMs)) {
          this.#bridge(instance, token, Math.max(tookMs, hasFailed ? instance.retryAfterMs : 0));
        }
        if (method !== 'getToken' || options.forceRefresh || instance.retryAt <= machine.now) break;
        if (issuedAt < instance.lastFailure) instance.pause = { since: machine.steps, until: instance.retryAt, token };
        instance.retryAt = 0;
        break;
      }
      case 'calm':
        this.isCalm = true;
        break;
      default:
    }
  }

  /** The token counts to its very end for that long. */
  #bridge(instance: Instance, token: string, forMs: number): void {
    const untilMs = this.machine.now + forMs;
    const { bridge } = instance;
    if (bridge?.token !== token || untilMs > bridge.untilMs) instance.bridge = { token, untilMs };
  }

  /** What an instance needs grew while it asked a person, or while calls that join the question get its result. */
  needsGrew(instance: Instance): void {
    for (const window of this.windows) {
      if (window.instance !== instance) continue;
      const isOver = [...instance.calls].every(({ outcome, startedAt }) => outcome || startedAt > window.openedAt);
      if (!window.judgedAt || !isOver) window.needs = instance.needs;
    }
  }

  /** The instance has looked at what its person granted. Another of its sign-ins can still be on its way to the store. */
  #judged(instance: Instance): void {
    const own = this.families.filter(
      ({ window, signedInAtMs }) => window?.instance === instance && !window.judgedAt && signedInAtMs !== undefined,
    );
    const stored = own.filter(({ wasStored }) => wasStored);
    const judged = stored.length > 0 ? stored : own;
    for (const { window } of judged) if (window) window.judgedAt = this.machine.steps;
    const [family] = judged;
    // If there are several, it may be any.
    instance.signedIn = family && judged.length === 1 ? { family, step: this.machine.steps } : undefined;
  }

  /** A sign-out of this instance began. */
  signOutBegan(signingOut: Instance): void {
    const { name, triedSignOuts } = signingOut;
    triedSignOuts.push(this.machine.steps);
    signingOut.given = undefined;
    signingOut.ended.clear();
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
    // What was in memory until now was given out while it was under way.
    instance.given = undefined;
    this.signingOut.set(name, (this.signingOut.get(name) ?? 1) - 1);
    if (call.outcome && 'value' in call.outcome) instance.signOuts.push(call.startedAt);
  }
}
