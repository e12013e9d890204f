import type { AccessToken, SharedToken, SharedTokenOptions, TokenRecord, TokenResponse } from 'shared-token';
import type { Call, Fact, Family, Instance, Method } from './facts.ts';
import { History } from './history.ts';
import { judge } from './invariants/judge.ts';
import { streams } from './machine/choices.ts';
import { doing } from './machine/doing.ts';
import { loadPackage, type Patch } from './machine/load-package.ts';
import { type Machine, Process } from './machine/machine.ts';
import { SimulatedController } from './machine/signals.ts';
import type { StoreUnderTest } from './models/model-store.ts';
import { openModelStore } from './models/process-store.ts';
import { Provider } from './models/provider.ts';
import { covers, leastScope, unite } from './models/scopes.ts';
import { type Scene, UserCode } from './models/user-code.ts';
import {
  type Action,
  chooseMeanwhile,
  chooseMore,
  choosePlan,
  describePlan,
  type Fate,
  type Plan,
  type Request,
  skewOf,
} from './plan/plan.ts';
import { describeState } from './state.ts';
import type { World } from './world.ts';

/** The package under test, as it was loaded. */
export interface Subject {
  readonly SharedToken: new (options: SharedTokenOptions) => SharedToken;
  readonly SharedTokenError: new (...values: never[]) => Error & { code: string };
}

/** `plan`: that one instead of one that the choices make. */
export async function loadSharedToken(patches?: readonly Patch[], plan?: Plan): Promise<World> {
  const name = 'shared-token';
  const subject = (await loadPackage<Subject>(name, { patches }))();
  const run = (machine: Machine) => new Schedule(subject, machine, plan ?? choosePlan(machine.choices)).run();
  return { name, run };
}

/** What a method is for `doing`. */
const doingWhat: Readonly<Record<Method, number>> = {
  getToken: doing.getToken,
  peek: doing.getToken,
  read: doing.getToken,
  signIn: doing.signIn,
  signOut: doing.signOut,
  close: doing.close,
};

/** One schedule, from its plan to its end. */
class Schedule {
  readonly #subject: Subject;
  readonly #machine: Machine;
  readonly #plan: Plan;
  readonly #history: History;
  readonly #store: StoreUnderTest;
  readonly #provider: Provider;
  readonly #scene: Scene;
  /** What runs now in each place. */
  readonly #instances: (Instance | undefined)[] = [];
  #processes = 0;

  constructor(subject: Subject, machine: Machine, plan: Plan) {
    this.#subject = subject;
    this.#machine = machine;
    this.#plan = plan;
    this.#history = new History(machine);
    this.#provider = new Provider(this.#history, { ...plan, kind: plan.provider });
    this.#history.refreshAheadMs = plan.refreshAheadMs;
    this.#history.expirySkewMs = plan.expirySkewMs;
    const {
      store: kind,
      tells,
      storeFaultOneIn: faultOneIn,
      storeLateOneIn: lateOneIn,
      storeIsSilent: isSilent,
    } = plan;
    this.#store = openModelStore(this.#history, { kind, tells, faultOneIn, lateOneIn, isSilent });
    this.#store.report = this.#report;
    const shared = { history: this.#history, provider: this.#provider, store: this.#store };
    this.#scene = { machine, plan, report: this.#report, ...shared };
  }

  async run(): Promise<void> {
    this.#machine.note(undefined, () => describePlan(this.#plan));
    this.#machine.chooseOrder();
    this.#machine.describeWorld = () => this.#describe();
    if (this.#machine.isSlow) this.#history.troubles.add('stop');
    this.#storeFirstRecord();
    this.#machine.describe = (last) => describeState(this.#history, last);
    this.#machine.onBranch = () => this.#goAnotherWay();
    this.#machine.onDelay = (process) => this.#actMeanwhile(process);
    this.#act(0);
    await this.#machine.run();
    if (!this.#machine.failure) await this.#end();
    if (!this.#machine.failure) this.#report({ type: 'ended' });
  }

  /** All trouble is over. What still lives tries once more and closes; then a new process asks for a token. */
  async #end(): Promise<void> {
    const machine = this.#machine;
    machine.describe = undefined;
    this.#report({ type: 'calm' });
    machine.order = 'oldest';
    machine.isSlow = false;
    this.#store.outage = 'none';
    machine.note(undefined, 'all trouble is over');
    if (machine.choices.isRare(streams.order, 2)) {
      // Timers have stored by then what could not be, and nothing excuses a late answer that was not.
      machine.later(undefined, 60_000, 'time has passed', () => {});
      await machine.run();
      this.#report({ type: 'rested' });
    }
    for (const instance of this.#instances) {
      if (instance && !instance.process.isDead && !instance.isClosed) {
        instance.process.spare();
        machine.enqueue(instance.process, '', () =>
          this.#call(instance, { method: 'getToken', options: { interactive: false } }),
        );
      }
    }
    await machine.run();
    for (const instance of this.#instances) {
      if (instance && !instance.process.isDead && !instance.isClosed) {
        machine.enqueue(instance.process, '', () => this.#call(instance, { method: 'close', options: {} }));
      }
    }
    await machine.run();
    this.#report({ type: 'rested' });
    // A process whose calls hang is ended by its program.
    for (const process of this.#history.wasSilentTo) process.kill();
    for (const name of [...this.#history.owed.keys()]) {
      const last = this.#start(99, name, this.#history.owed.get(name)?.clientId ?? 'client');
      // Without a refresh token, a call that forces ends a sign-in.
      const options = { interactive: false, forceRefresh: this.#history.owed.get(name)?.hasRefreshTokens === true };
      machine.enqueue(last.process, '', () => this.#call(last, { method: 'getToken', options }));
    }
    await machine.run();
  }

  /** What the processes share. */
  #describe(): string {
    const { stored, families, signingOut } = this.#history;
    const provider = families.map(({ generation, current, revoked }) => `${generation} ${current} ${revoked}`);
    return JSON.stringify([
      [...stored],
      provider,
      [...signingOut],
      this.#history.isCalm,
      'locks',
      this.#store.describeLocks(),
    ]);
  }

  #report = (fact: Fact): void => {
    const broken = judge(fact, this.#history);
    if (broken) this.#machine.fail(new Error(broken));
    this.#history.record(fact);
  };

  #storeFirstRecord(): void {
    const { stored, lifetimeMs = 3_600_000, stranger, refreshAheadMs, expirySkewMs } = this.#plan;
    if (stored === 'nothing') return;
    const isStrange = stored === 'of the stranger' && stranger === 'client';
    const clientId = isStrange ? 'other client' : 'client';
    const family = this.#provider.issue('app', clientId, undefined);
    const response = this.#provider.answer(family);
    const age =
      {
        expired: lifetimeMs + 1_000,
        'near its end': Math.max(lifetimeMs - skewOf(lifetimeMs, expirySkewMs) - refreshAheadMs / 2, 0) + 1_000,
      }[stored as string] ?? 1_000;
    const obtainedAt = this.#machine.wallNow - age;
    const isBare = stored === 'bare';
    const times = { accessToken: response.access_token, obtainedAt, expiresAt: obtainedAt + lifetimeMs, clientId };
    const access = this.#history.accesses.get(response.access_token);
    // Nobody can know when the token of a record that does not say so expires.
    const expiresAt = isBare ? undefined : obtainedAt + lifetimeMs;
    if (access) this.#history.accesses.set(access.value, { ...access, expiresAt });
    const record = { ...this.#tokensOf(family, response), scope: family.scope, ...(!isBare && times) };
    this.#store.write('app', record, undefined);
  }

  /** What a program that knows nothing else stores of a sign-in. */
  #tokensOf({ current, hasRefreshTokens }: Family, { access_token: accessToken }: TokenResponse): TokenRecord {
    return hasRefreshTokens ? { refreshToken: current } : { accessToken };
  }

  #act(index: number): void {
    const action = this.#plan.actions[index];
    if (!action) return;
    this.#machine.later(undefined, action.delayMs, '', () => {
      this.#perform(action);
      this.#act(index + 1);
    });
  }

  /** At a state that is rare: more happens, and there may be more trouble. */
  #goAnotherWay(): void {
    const { choices } = this.#machine;
    const { options } = this.#store;
    const isRare = (oneIn: number): boolean => choices.isRare(streams.branches, oneIn);
    if (isRare(3)) this.#plan.networkFaultOneIn = 2;
    if (isRare(4)) options.faultOneIn = 8;
    if (options.kind !== 'file' && isRare(3)) options.lateOneIn = 2;
    const { actions, fates } = chooseMore(choices, this.#plan);
    for (const action of actions) this.#machine.later(undefined, action.delayMs, '', () => this.#perform(action));
    for (const fate of fates) {
      const instance = this.#instances[fate.process];
      if (instance) instance.process.afterMoments(fate.moment, () => this.#meetFate(instance, fate));
    }
  }

  #perform(action: Action): void {
    const machine = this.#machine;
    const { kind, process: place, companion } = action;
    switch (kind) {
      case 'revoke': {
        const family = this.#history.familyOf(this.#history.stored.get('app'));
        if (!family) return;
        machine.note(undefined, () => `the person revokes sign-in ${family.id} at the provider`);
        family.revoked ??= 'person';
        return;
      }
      case 'outage': {
        this.#store.outage = machine.choices.isRare(streams.order, 2) ? 'unreachable' : 'full';
        machine.note(undefined, () => `the store is ${this.#store.outage} from now on`);
        // Or until all trouble is over. The tries of more than ten minutes would be all that the schedule has room for.
        const forMs = [600_000, 100, 3_000, 20_000][machine.choices.below(streams.order, 4)] as number;
        const mend = (): void => {
          this.#store.outage = 'none';
        };
        machine.later(undefined, forMs, 'the store works again', mend);
        return;
      }
      case 'foreign sign-in': {
        const family = this.#provider.issue('app', 'client', undefined);
        machine.note(undefined, () => `another program stores sign-in ${family.id}`);
        const response = this.#provider.answer(family);
        const access = this.#history.accesses.get(response.access_token);
        if (access) this.#history.accesses.set(access.value, { ...access, expiresAt: undefined });
        this.#store.write('app', { ...this.#tokensOf(family, response), scope: family.scope }, undefined);
        return;
      }
      case 'need more': {
        const instance = this.#instances[place];
        if (instance) this.#needMore(instance);
        return;
      }
      default: {
        const running = this.#instances[place];
        const instance = running && !running.process.isDead && !running.isClosed ? running : this.#startPlace(place);
        const { process } = instance;
        machine.enqueue(process, '', () => this.#call(instance, { ...action, method: kind }));
        if (!companion) return;
        const { kind: method, moments } = companion;
        const accompany = (): void =>
          method === 'need more' ? this.#needMore(instance) : this.#call(instance, { ...companion, method });
        process.afterMoments(moments, () => machine.enqueue(process, '', accompany));
      }
    }
  }

  /** What a late answer must not spoil happens in between. */
  #actMeanwhile(process: Process): void {
    const place = this.#instances.findIndex((instance) => instance?.process === process);
    const action = place >= 0 && !this.#history.isCalm && chooseMeanwhile(this.#machine.choices, this.#plan, place);
    if (action) this.#machine.later(undefined, action.delayMs, '', () => this.#perform(action));
  }

  #needMore(instance: Instance): void {
    instance.needs = unite(instance.needs, instance.needs.includes('mail') ? 'calendar' : 'mail');
    const isBusy = [...instance.calls].some(({ token, settledAt }) => !settledAt || !token);
    for (const window of this.#history.windows) {
      if (window.instance === instance && isBusy) window.needs = instance.needs;
    }
    this.#machine.note(instance.process, () => `needs ${instance.needs} from now on`);
  }

  #startPlace(place: number): Instance {
    const { stranger, processes } = this.#plan;
    const isStrange = place > 0 && place === processes - 1;
    const clientId = isStrange && stranger === 'client' ? 'other client' : 'client';
    const instance = this.#start(place, isStrange && stranger === 'name' ? 'other app' : 'app', clientId);
    this.#instances[place] = instance;
    return instance;
  }

  #start(place: number, name: string, clientId: string): Instance {
    const machine = this.#machine;
    const process = new Process(machine, ++this.#processes);
    const planned = this.#plan.fates.filter(
      (fate) => fate.process === place && this.#processes <= this.#plan.processes,
    );
    for (const fate of planned) process.afterMoments(fate.moment, () => this.#meetFate(instance, fate));
    process.onDeath.push(() => {
      this.#history.excuse(process, 'the process was killed before the answer was stored');
    });
    const needs = this.#plan.someNeedMore && place % 2 === 1 && place !== 99 ? `${leastScope} mail` : leastScope;
    const user = new UserCode(this.#scene, () => instance);
    const isSilent = this.#plan.lastIsSilent && place === this.#plan.processes - 1 && place > 0;
    const token = new this.#subject.SharedToken({
      store: this.#store.open(process),
      name,
      clientId,
      authority: 'https://provider.example',
      refresh: (...args) => process.during(doing.refresh, user.refresh(...args) as Promise<TokenResponse>),
      signIn: isSilent ? undefined : (context) => process.during(doing.askPerson, user.signIn(context)),
      accepts: (record) => covers(record.scope, instance.needs),
      expirySkew: this.#plan.expirySkewMs,
      refreshAhead: this.#plan.refreshAheadMs,
      revoke: this.#plan.revokes ? user.revoke : undefined,
      onEvent: (event) => {
        if (process.isDead) return;
        machine.note(process, () => `event ${JSON.stringify(event)}`);
        this.#report({ type: 'event', instance, event });
        if (this.#plan.listenerFails) throw new Error('the listener fails');
      },
    });
    const instance: Instance = {
      process,
      name,
      clientId,
      needs,
      token,
      change: (object) => user.change(object),
      label: `process ${process.id}`,
      calls: new Set(),
      signOuts: [],
      triedSignOuts: [],
      hasSaidStoreFailed: false,
      isSilent,
      isClosed: false,
      wasClosedCalmly: false,
    };
    const fates = [
      { kind: 'kill', milliseconds: 0 },
      { kind: 'set clock', milliseconds: 3_600_000 },
      { kind: 'set clock', milliseconds: -3_600_000 },
      ...(this.#plan.store === 'lease' ? [{ kind: 'slip', milliseconds: 16_000 } as const] : []),
    ] as const;
    for (const fate of fates)
      process.troubles.push(() => {
        if (!this.#history.isCalm) this.#meetFate(instance, { ...fate, process: place, moment: 0 });
      });
    this.#history.instances.push(instance);
    // A program that goes on has something else to do: timers that keep no process alive fire in it.
    process.refs++;
    machine.note(process, () => `starts (${clientId}, ${JSON.stringify(name)})`);
    return instance;
  }

  #meetFate(instance: Instance, { kind, milliseconds }: Fate): void {
    const { process } = instance;
    const { troubles } = this.#history;
    switch (kind) {
      case 'kill':
        troubles.add('kill');
        process.kill();
        break;
      case 'slip':
        troubles.add('lease');
        this.#machine.note(process, () => `the store's clock is set by ${milliseconds} ms`);
        this.#store.slip(milliseconds, process);
        break;
      case 'stop':
        troubles.add('stop');
        process.stop(milliseconds);
        break;
      default:
        troubles.add('clock');
        process.wallOffsetMs += milliseconds;
        this.#machine.note(process, () => `its wall clock is set by ${milliseconds} ms`);
    }
    this.#machine.onDelay(process);
  }

  #call(instance: Instance, request: Partial<Request> & { method: Method; options: Call['options'] }): void {
    const machine = this.#machine;
    const { process, token, change } = instance;
    const { method, options, abortAfterMs, thenExits = false } = request;
    const controller = abortAfterMs === undefined ? undefined : new SimulatedController();
    const abortReason = controller && new Error('the caller lets go');
    const call: Call = {
      instance,
      method,
      options,
      startedAt: machine.steps,
      startedAtMs: machine.now,
      startedAtWallMs: process.wallNow,
      needs: instance.needs,
      given: instance.given,
      hasRead: this.#history.lastRead.has(process),
      stored: this.#history.stored.get(instance.name),
      abortReason,
    };
    instance.calls.add(call);
    machine.note(process, () => `calls ${method}(${JSON.stringify(options).replace('{}', '')})`);
    if (controller && abortAfterMs !== undefined) {
      machine.later(process, abortAfterMs, 'the caller lets go', () => controller.abort(abortReason));
    }
    const isSignOut = method === 'signOut' && !instance.isClosed;
    if (isSignOut) this.#history.signOutBegan(instance);
    if (method === 'close') {
      instance.isClosed = true;
      instance.wasClosedCalmly = this.#history.isCalm;
    }
    const signal = controller?.signal as unknown as AbortSignal | undefined;
    const settle = ({ value, error }: { value?: unknown; error?: unknown }): void => {
      if (process.isDead) return;
      const token = value && method !== 'read' ? (value as AccessToken) : undefined;
      const { code, reason } = Object(error) as { code?: string; reason?: string };
      Object.assign(call, { token, access: this.#history.accesses.get(token?.accessToken ?? ''), error, code, reason });
      call.settledAt = machine.steps;
      machine.note(process, () => `${method}() ${describeOutcome(value, error)}`);
      if (isSignOut) this.#history.signOutEnded(instance, call);
      this.#report({ type: 'call-settled', call });
      if (thenExits) process.kill();
    };
    const called = this.#invoke(token, method, { ...options, signal });
    process.during(options.forceRefresh ? doing.force : doingWhat[method], called).then(
      (value) => {
        settle({ value: typeof value === 'object' ? { ...value } : value });
        change(Object(value));
      },
      (error: unknown) => settle({ error }),
    );
  }

  async #invoke(token: SharedToken, method: Method, options: object): Promise<unknown> {
    switch (method) {
      case 'peek':
        return token.peek(options);
      case 'getToken':
        return token.getToken(options);
      case 'signIn':
        return token.signIn(options);
      default:
        return token[method]();
    }
  }
}

function describeOutcome(value: unknown, error: unknown): string {
  if (error !== undefined) {
    const { name, code, message } = error as Error & { code?: string };
    return `rejects with ${name} ${code ?? ''} ${message}`;
  }
  const { accessToken } = Object(value) as Partial<AccessToken>;
  return accessToken ? `resolves with ${accessToken.split('.').slice(0, 3).join('.')}` : 'resolves';
}
