import type { Process } from '../machine/machine.ts';
import type { Effect, ModelServer } from './server.ts';
import { statements } from './tables.ts';

export type Method = 'get' | 'set' | 'replace' | 'delete' | 'changed' | 'exclusively' | 'close';

/** One call of a store. Times are the machine's, in ms. */
export interface Call {
  readonly process: Process;
  readonly method: Method;
  readonly name: string;
  readonly calledAt: number;
  /** The token that it writes, which no other call does. */
  readonly token?: string | undefined;
  /** What `replace` compares. */
  readonly previous?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** Of its statements. */
  readonly revisions: unknown[];
  /** Within which it was made. */
  readonly task?: Task | undefined;
  /** When what it writes was written. */
  readonly writtenAt: number[];
  settledAt?: number;
  result?: unknown;
  error?: { code?: string; reason?: string } | undefined;
}

/** One task that the lock was acquired for. */
export interface Task {
  readonly call: Call;
  readonly lock: { readonly signal: AbortSignal; readonly fence?: string };
  /** As it was at first: it aborts, if nobody asks for it again. */
  readonly signal: AbortSignal;
  /** The call as the table of the leases knows it. */
  readonly owner: string | null;
  /** Its last write had no answer. */
  isOwing: boolean;
  hasEnded: boolean;
}

/** What was stored, from one write to the next. */
interface Version {
  readonly token: string | undefined;
  readonly from: number;
  to: number;
}

/** A lock that was had. */
interface Grant {
  readonly owner: string | null;
  readonly fence: number;
  readonly process: Process;
  /** When the lease begins that was written last, and ends, by the machine's clock. */
  renewedAt: number;
  endsAt: number;
  releasedAt: number | undefined;
}

/** How long a free lock, or a change, may remain unnoticed: if nothing has failed, and after the last failure. */
const [noticeMs, noticeAfterTroubleMs] = [4_000, 12_000];
const answerMs = 10_000;
/** More statements per call within the window than that are too many: "at most 2 per second and waiting caller". */
const [windowMs, maxStatements] = [10_000, 20];
const maxTurns = 6;
/** For how long one that has just had the lock lets the others go first. */
const giveWayMs = 1_200;
/** So many writes a row remembers besides the last one. */
const maxRemembered = 32;

/** Knows all that happens in a schedule, and what must be true of it: the promises of the README of token-store-postgres. */
export class Witness {
  readonly #server: ModelServer;
  readonly #leaseMs: number;
  readonly #calls: Call[] = [];
  readonly #tasks: Task[] = [];
  readonly #versions = new Map<string, Version[]>();
  readonly #grants = new Map<string, Grant>();
  /** Until when two callers may have the lock of a name, because the clock of the server was set. */
  readonly #excusedUntil = new Map<string, number>();
  readonly #sent = new Map<Process, number[]>();
  readonly #turns = new Map<string, { process: Process; count: number }>();
  /** When the clock of the server was last set forward. */
  #forwardAt = Number.NEGATIVE_INFINITY;
  /** The same, forward or back. */
  #setAt = Number.NEGATIVE_INFINITY;
  hasTrouble = false;
  /** Whether each statement that is repeated gets through. */
  isReachable = true;
  /** Whether all stores listen, or none: else those that listen give way too soon, for up to 7 s, for one that looks once a second. */
  isFair = true;

  constructor(server: ModelServer, leaseMs: number) {
    this.#server = server;
    this.#leaseMs = leaseMs;
  }

  /** From now on, the stores are open. */
  watch(): void {
    const server = this.#server;
    server.onEffect = (effect) => this.#judgeEffect(effect);
    server.onSent = (process, text, values) => this.#judgeSent(process, text, values);
  }

  called(call: Omit<Call, 'calledAt' | 'writtenAt' | 'revisions'>): Call {
    const whole = { ...call, calledAt: this.#now, revisions: [], writtenAt: [] };
    this.#calls.push(whole);
    return whole;
  }

  isDeleting(process: Process, name: string): boolean {
    const isSame = (call: Call): boolean =>
      call.process === process && call.name === name && call.method === 'delete' && call.settledAt === undefined;
    return this.#calls.some(isSame);
  }

  lastTaskOf(process: Process, name: string): Task | undefined {
    return this.#tasks.findLast(({ call }) => call.process === process && call.name === name);
  }

  clockSet(milliseconds: number): void {
    this.#setAt = this.#now;
    if (milliseconds > 0) this.#forwardAt = this.#now;
  }

  began(call: Call, lock: Task['lock']): Task {
    const grant = this.#grants.get(call.name);
    const owner = grant?.process === call.process ? grant.owner : null;
    const { signal } = lock;
    const task = { call, lock, signal, owner, isOwing: false, hasEnded: false };
    this.#tasks.push(task);
    const limit = call.calledAt + (call.timeoutMs ?? 0) + 1_000;
    if (this.#isPunctual(call) && this.#now > limit)
      this.#break('A task begins within the timeout and 1 s', `it began after ${this.#now - call.calledAt} ms`);
    for (const other of this.#tasks) if (other !== task && other.call.name === call.name) this.observe(other);
    return task;
  }

  /** The task asks whether it still has the lock, as it has to before it spends a token. */
  observe(task: Task): boolean {
    const { process } = task.call;
    if (task.hasEnded || process.isDead || process.isStopped) return false;
    const { machine } = this.#server;
    const { current } = machine;
    machine.current = process;
    const isHeld = !task.lock.signal.aborted;
    machine.current = current;
    if (isHeld && !this.#isExcused(task) && this.#isLost(task))
      this.#break('Never two callers have the lock of one name', `process ${process.id} still believes that it has it`);
    if (!isHeld && !this.hasTrouble && !machine.isSlow && this.#leaseMs > noticeMs)
      this.#break('A lock is kept as long as it can be renewed', `process ${process.id} has lost it`);
    return isHeld;
  }

  ended(task: Task): void {
    task.hasEnded = true;
  }

  settled(call: Call, { result, error }: { result?: unknown; error?: Call['error'] }): void {
    call.settledAt = this.#now;
    call.result = result;
    call.error = error;
    const { task, method, process } = call;
    const isOurs = error === undefined || error.code?.startsWith('STORE_') || process.isDead;
    if (!isOurs && error?.code !== 'ABORTED')
      this.#break('A store rejects with a TokenStoreError', String((error as Error)?.stack ?? error));
    const mayPass = error?.reason === 'unreachable' || error?.reason === 'database-locked';
    if (task && method !== 'get' && method !== 'changed') task.isOwing = mayPass;
    this.#judgeTime(call);
    // The last look at a lock has no time for another one; it may even wait for a connection.
    const hasTime = method !== 'exclusively' || this.#now - call.calledAt < (call.timeoutMs ?? 0);
    if (error?.reason === 'unreachable' && this.isReachable && this.#isPunctual(call) && hasTime)
      this.#break('A statement whose answer was lost is tried again', `${method} of process ${process.id} was not`);
    if (error?.code === 'STORE_BUSY' && error.reason === 'lock-held') this.#judgeRefusal(call);
    if (error === undefined) this.#judgeAnswer(call);
    // A store that is closed refuses at once, and looks at nothing.
    if (task && error?.reason !== 'closed') this.#judgeSignal(task);
    for (const each of this.#tasks)
      if (method === 'close' && each.call.process === process && this.observe(each))
        this.#break('After close(), no task has its lock', `process ${process.id} still believes that it has it`);
  }

  /** All that was asked for is over. */
  finished(): void {
    for (const call of this.#calls) {
      if (call.settledAt === undefined && !call.process.isDead)
        this.#break('Every call is answered', `${call.method} of process ${call.process.id} was not`);
    }
  }

  #judgeTime(call: Call): void {
    const { method, calledAt, timeoutMs = 0, error } = call;
    if (!this.#isPunctual(call) || method === 'close' || (method === 'exclusively' && !error)) return;
    if (method === 'exclusively' && this.#tasks.some((task) => task.call === call)) return;
    const isTimed = method === 'exclusively' || method === 'changed';
    const limit = isTimed ? timeoutMs + 1_000 : answerMs;
    if (this.#now - calledAt > limit)
      this.#break('Calls are answered in time', `${method} took ${this.#now - calledAt} ms, and not at most ${limit}`);
  }

  /** A caller that waited for the lock without getting it. */
  #judgeRefusal(call: Call): void {
    const grant = this.#grants.get(call.name);
    const isAlone = this.#calls.every(
      ({ process, name, method, settledAt = Number.POSITIVE_INFINITY }, index) =>
        process !== call.process ||
        name !== call.name ||
        method !== 'exclusively' ||
        settledAt < call.calledAt ||
        this.#calls[index] === call,
    );
    if (!isAlone || !this.#isPunctual(call)) return;
    if (call.timeoutMs === 0 && this.#setAt < 0 && grant && grant.endsAt < call.calledAt)
      this.#break('A lease that has ended is free', `process ${call.process.id} did not get it`);
    if (this.#tasks.every((task) => task.call.name !== call.name || task.hasEnded))
      this.#judgeWait(call, grant, 'did not get it');
  }

  #judgeWait(call: Call, grant: Grant | undefined, what: string): void {
    // It looks at a lease from when it has seen it first, or first again after the database was away.
    const seenAt = Math.max(call.calledAt, this.#server.troubleUntil);
    const freeAt = grant ? (grant.releasedAt ?? Math.max(grant.endsAt, seenAt + this.#leaseMs)) : 0;
    // The callers of one process have one turn after the other, also after one that has lost its lock.
    const before = this.#tasks.filter((task) => task.call.process === call.process && task.call.name === call.name);
    const turnAt = Math.max(call.calledAt, ...before.map((task) => task.call.settledAt ?? this.#now));
    const limit = this.#after(Math.max(freeAt, turnAt));
    if (this.#now > limit) {
      const waited = this.#now - Math.max(freeAt, turnAt);
      this.#break('Who waits for a free lock gets it soon', `process ${call.process.id} ${what} after ${waited} ms`);
    }
  }

  #judgeAnswer(call: Call): void {
    const { method, name, calledAt, token, previous, result, task } = call;
    const versions = this.#versionsOf(name).filter(({ to }) => to >= calledAt);
    const says = `${method} ${token ?? ''} resolved with ${JSON.stringify(result)}`;
    switch (method) {
      case 'get':
        if (!versions.some((version) => version.token === result))
          this.#break('A read gives what is stored at some moment of the call', says);
        return;
      case 'replace':
        if (result === false && versions.every((version) => version.token === previous) && !this.#isLost(task))
          this.#break('replace writes if the stored token is the one that it compares', `${says}, and it was`);
        this.#judgeResult(call, says);
        return;
      case 'delete':
        if (result === false && !versions.some((version) => version.token === undefined))
          this.#break('A write says truly whether it was done', `${says}, and there was a record`);
        this.#judgeResult(call, says);
        return;
      case 'set':
        this.#judgeResult(call, says);
        return;
      case 'changed': {
        const change = versions.find(({ from }) => from > calledAt);
        if (change && this.#isPunctual(call) && this.#now > this.#after(change.from))
          this.#break('A change is told soon', `process ${call.process.id} heard after ${this.#now - change.from} ms`);
      }
    }
  }

  #judgeResult(call: Call, says: string): void {
    const { result, writtenAt } = call;
    if (result === false ? writtenAt.length > 0 && !this.#isForgotten(call) : writtenAt.length === 0)
      this.#break('A write says truly whether it was done', `${says}, and was written ${writtenAt.length} times`);
  }

  /** A row remembers only so many writes. */
  #isForgotten({ name, writtenAt: [first = 0] }: Call): boolean {
    return this.#versionsOf(name).filter(({ from }) => from > first).length >= maxRemembered;
  }

  /** Within which a renewal tells a task that another caller has its lock. */
  get #hearsWithinMs(): number {
    return this.#leaseMs / 3 + (this.isReachable ? noticeMs : noticeAfterTroubleMs);
  }

  #isExcused({ call }: Task): boolean {
    const until = this.#excusedUntil.get(call.name);
    return until !== undefined && this.#now <= Math.max(until, call.process.stoppedUntil + this.#hearsWithinMs);
  }

  #isLost(task: Task | undefined): boolean {
    if (!task) return false;
    const grant = this.#grants.get(task.call.name);
    // A request of its own that arrives once more, after others have had the lock, is another grant.
    return grant?.owner !== task.owner || grant?.fence !== Number(task.lock.fence);
  }

  /** Its process has just run. */
  #judgeSignal(task: Task): void {
    const grant = this.#grants.get(task.call.name);
    const isOver = this.#isLost(task) || (grant && grant.endsAt < this.#now);
    if (!task.hasEnded && isOver && !this.#isExcused(task) && !task.signal.aborted)
      this.#break(
        'After a call, the signal of a lost lock has aborted',
        `process ${task.call.process.id} was not told`,
      );
  }

  #judgeEffect({ process, values, beginsAt, before, after }: Effect): void {
    const name = values[0] as string;
    const { lease } = after;
    if (lease !== before.lease && lease) {
      if (lease.owner !== null && (!before.lease || lease.fence !== before.lease.fence))
        this.#judgeGrant(name, process, values, lease.fence);
      const grant = this.#grants.get(name);
      if (grant && lease.owner === null) grant.releasedAt = this.#now;
      else if (grant && lease.endsAt !== before.lease?.endsAt) {
        grant.renewedAt = beginsAt;
        grant.endsAt = Math.max(grant.endsAt, beginsAt + this.#leaseMs);
      } else if (lease.owner === values[1]) {
        // The clock was set back, and the call has acquired its own lease once more: the row stays as it is.
        this.#excusedUntil.set(name, this.#now + this.#leaseMs);
      }
    }
    if (after.stored !== before.stored) this.#judgeWrite(process, name, { before, after });
  }

  #judgeGrant(name: string, process: Process, values: readonly unknown[], fence: number): void {
    const old = this.#grants.get(name);
    const now = this.#now;
    const owner = values[1] as string;
    // A microsecond less than that is a sum that was rounded.
    if (old && old.releasedAt === undefined && old.owner !== owner && old.endsAt - now > 0.001) {
      // The clock of the server is believed by the last look alone, and by others only if the lease is not renewed meanwhile.
      const isRenewed = now - old.renewedAt < this.#leaseMs / 2;
      const wasSet = this.#forwardAt >= old.renewedAt;
      const isLastLook = values[4] === 0;
      // A last look that was under way when it was set back has the time of before.
      const isOfBefore = isLastLook && now - this.#setAt < answerMs;
      const isExcused = isOfBefore || now <= (this.#excusedUntil.get(name) ?? 0);
      if (!isExcused && (!wasSet || (isRenewed && !isLastLook)))
        this.#break('A lease is taken only after it has ended', `${old.endsAt - now} ms were left`);
      this.#excusedUntil.set(name, now + this.#hearsWithinMs);
    }
    const owing = this.#tasks.findLast((task) => task.owner === old?.owner);
    if (owing?.hasEnded && owing.isOwing && !this.#isExcused(owing) && old && now < old.endsAt)
      this.#break('A lock stays with its lease while its task owes a write', `process ${process.id} has it`);
    const waiting = this.#calls.find(
      (call) => call.process === process && call.name === name && call.method === 'exclusively' && !call.settledAt,
    );
    if (waiting && this.#isPunctual(waiting)) this.#judgeWait(waiting, old, 'got it');
    // One that waits for less than the others take to ask again cannot give way.
    if ((waiting?.timeoutMs ?? giveWayMs) >= giveWayMs) this.#judgeTurn(name, process);
    this.#grants.set(name, { owner, fence, process, renewedAt: now, endsAt: now, releasedAt: undefined });
  }

  #judgeTurn(name: string, process: Process): void {
    const turn = this.#turns.get(name);
    // The callers of one process have one turn after the other.
    const hadIt = (by: Process): number => this.lastTaskOf(by, name)?.call.settledAt ?? 0;
    const others = this.#calls.some(
      (call) =>
        call.process !== process &&
        call.name === name &&
        call.method === 'exclusively' &&
        call.settledAt === undefined &&
        this.#tasks.every((task) => task.call !== call) &&
        (call.timeoutMs ?? 0) > 8_000 &&
        this.#now - Math.max(call.calledAt, hadIt(call.process)) > 2_000,
    );
    const count = turn?.process === process && others ? turn.count + 1 : 1;
    this.#turns.set(name, { process, count });
    if (count >= maxTurns && this.isFair && !this.hasTrouble)
      this.#break('Who has just had the lock lets the others go first', `process ${process.id} had it ${count} times`);
  }

  #judgeWrite(process: Process, name: string, { before, after }: Pick<Effect, 'before' | 'after'>): void {
    const now = this.#now;
    const [old, token] = [tokenOf(before.stored?.record), tokenOf(after.stored?.record)];
    const versions = this.#versionsOf(name);
    (versions.at(-1) as Version).to = now;
    versions.push({ token, from: now, to: Number.POSITIVE_INFINITY });
    const call = this.#calls.find(({ revisions }) => revisions.includes(after.stored?.revision));
    if (!call) return;
    const { task, method, previous, writtenAt } = call;
    const what = `${method} ${token ?? ''} of process ${process.id}`;
    if (this.#isLost(task)) this.#break('What is written after another caller has the lock changes nothing', what);
    if (method === 'replace' && old !== previous)
      this.#break('replace changes nothing if another token is stored', `${what} over ${old}, and not ${previous}`);
    if (writtenAt.length > 0 && !this.#isForgotten(call)) this.#break('What is done is not done again', what);
    if (call.result === false) this.#break('A write says truly whether it was done', `${what} comes after its answer`);
    writtenAt.push(now);
  }

  #judgeSent(process: Process, text: string, values: readonly unknown[]): void {
    if (text === statements.write) {
      const [name, record, , revision] = values;
      const token = tokenOf(record as string | null);
      const call = this.#calls.find(
        (each) =>
          each.process === process &&
          each.name === name &&
          (token ? each.token === token : each.method === 'delete' && each.settledAt === undefined),
      );
      if (this.#calls.every(({ revisions }) => !revisions.includes(revision))) call?.revisions.push(revision);
    }
    const now = this.#now;
    const times = this.#sent.get(process) ?? [];
    this.#sent.set(process, times);
    while (times.length > 0 && (times[0] as number) < now - windowMs) times.shift();
    times.push(now);
    const since = now - windowMs - 2 * this.#leaseMs;
    const isRecent = (call: Call): boolean =>
      call.process === process &&
      (call.settledAt === undefined || Math.max(call.settledAt, process.stoppedUntil) > since);
    const calls = this.#calls.filter(isRecent).length;
    if (calls === 0) this.#break('An idle store sends nothing', `process ${process.id} does`);
    // A holder renews its lease besides: three times in each.
    const allowed = maxStatements + (3 * windowMs) / this.#leaseMs;
    if (times.length > allowed * calls)
      this.#break('A call that waits sends few statements', `process ${process.id} sent ${times.length} in 10 s`);
  }

  /** By when what happened at that time must be known everywhere. */
  #after(time: number): number {
    const { troubleUntil } = this.#server;
    return this.hasTrouble ? Math.max(time, troubleUntil) + noticeAfterTroubleMs : time + noticeMs;
  }

  /** Whether its process could run whenever it had to. */
  #isPunctual({ process, calledAt }: Call): boolean {
    return !process.isDead && !process.isStopped && process.stoppedUntil < calledAt && !this.#server.machine.isSlow;
  }

  #versionsOf(name: string): Version[] {
    let versions = this.#versions.get(name);
    versions ??= [{ token: undefined, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];
    this.#versions.set(name, versions);
    return versions;
  }

  get #now(): number {
    return this.#server.machine.now;
  }

  #break(promise: string, how: string): void {
    this.#server.machine.fail(new Error(`${promise}\n  ${how}`));
  }
}

export function tokenOf(record: string | null | undefined): string | undefined {
  return record ? JSON.parse(record).refreshToken : undefined;
}
