import type { PostgresTokenStore, PostgresTokenStoreOptions } from 'token-store-postgres';
import { streams } from '../machine/choices.ts';
import { loadPackage, type Patch } from '../machine/load-package.ts';
import { type Machine, Process } from '../machine/machine.ts';
import { SimulatedController } from '../machine/signals.ts';
import type { World } from '../world.ts';
import { ModelPool } from './connection.ts';
import { type Action, chooseMore, choosePlan, type Fate, type Plan } from './plan.ts';
import { ModelServer } from './server.ts';
import { describeState, doing } from './state.ts';
import { type Call, type Method, type Task, Witness } from './witness.ts';

interface Subject {
  openPostgresTokenStore(options: PostgresTokenStoreOptions): Promise<PostgresTokenStore>;
}

export async function loadPostgresStore(patches?: readonly Patch[]): Promise<World> {
  const name = 'token-store-postgres';
  const subject = (await loadPackage<Subject>(name, { patches }))();
  return { name, run: (machine) => new Schedule(subject, machine, choosePlan(machine.choices)).run() };
}

/** A process with its store. */
interface Place {
  readonly process: Process;
  readonly store: PostgresTokenStore;
  /** The token that it has read or written last, by name. */
  readonly known: Map<string, string | undefined>;
  isClosed: boolean;
}

/** At the end, a store that nobody uses is watched for so long. */
const idleMs = 90_000;

class Schedule {
  readonly #subject: Subject;
  readonly #machine: Machine;
  readonly #plan: Plan;
  readonly #server: ModelServer;
  readonly #witness: Witness;
  readonly #places: Place[] = [];
  #tokens = 0;

  constructor(subject: Subject, machine: Machine, plan: Plan) {
    this.#subject = subject;
    this.#machine = machine;
    this.#plan = plan;
    this.#server = new ModelServer(machine, plan.faultOneIn);
    this.#server.clockOffsetMs = plan.clockOffsetMs;
    this.#witness = new Witness(this.#server, plan.leaseMs);
    this.#witness.isFair = plan.listens !== 'some';
    this.#witness.isReachable = plan.faultOneIn === 0 && plan.actions.every(({ kind }) => kind !== 'restart');
    this.#witness.hasTrouble = plan.faultOneIn > 0 || plan.fates.length > 0;
  }

  async run(): Promise<void> {
    const machine = this.#machine;
    const { actions: _actions, ...rest } = this.#plan;
    machine.note(undefined, () => JSON.stringify(rest));
    this.#server.isCalm = true;
    for (let id = 0; id < this.#plan.processes; id++) this.#start(id);
    await machine.run();
    this.#witness.watch();
    this.#server.isCalm = false;
    machine.chooseOrder();
    machine.describe = (last) => this.#describe(last);
    machine.onBranch = () => this.#goAnotherWay();
    for (const fate of this.#plan.fates) this.#giveFate(fate);
    if (this.#plan.isStored) this.#write(this.#places[0] as Place, 'set', 'app');
    this.#act(0);
    await machine.run();
    machine.describe = undefined;
    this.#server.isCalm = true;
    this.#server.isDown = false;
    machine.isSlow = false;
    machine.order = 'oldest';
    for (const place of this.#places) this.#end(place);
    machine.setTimer(undefined, idleMs, () => {});
    await machine.run();
    this.#witness.finished();
  }

  #end(place: Place): void {
    const { process } = place;
    process.spare();
    if (process.isDead || place.isClosed) return;
    // A program that does something else meanwhile: what a store leaves behind would run.
    process.refs++;
    this.#machine.enqueue(
      process,
      '',
      () => void this.#exclusively(place, { name: 'app', timeoutMs: 40_000, work: 'refresh' }),
    );
  }

  #describe(last: Process | undefined): number[] {
    const place = last && this.#places[last.id];
    return place ? describeState(this.#server, this.#witness, place, this.#places) : [];
  }

  /** At a state that is rare: more happens, and there may be more trouble. */
  #goAnotherWay(): void {
    const { choices } = this.#machine;
    if (choices.isRare(streams.branches, 3)) this.#server.faultOneIn = 3;
    const { actions, fates } = chooseMore(choices, this.#plan);
    this.#witness.hasTrouble ||= this.#server.faultOneIn > 0 || fates.length > 0;
    this.#witness.isReachable &&= this.#server.faultOneIn === 0 && actions.every(({ kind }) => kind !== 'restart');
    for (const action of actions) this.#machine.later(undefined, action.delayMs, '', () => this.#perform(action));
    for (const fate of fates) this.#giveFate(fate);
  }

  #start(id: number): void {
    const { listens, leaseMs, poolSize } = this.#plan;
    const process = new Process(this.#machine, id);
    const listen = listens === 'all' || (listens === 'some' && id % 2 === 0);
    const pool = new ModelPool(this.#server, process, poolSize) as unknown as PostgresTokenStoreOptions['pool'];
    process.refs++;
    this.#machine.enqueue(process, 'opens its store', async () => {
      const store = await this.#subject.openPostgresTokenStore({ pool, leaseTime: leaseMs, listen });
      process.refs--;
      this.#places[id] = { process, store, known: new Map(), isClosed: false };
    });
  }

  #giveFate(fate: Fate): void {
    const { process } = this.#places[fate.process] as Place;
    process.afterMoments(fate.moment, () => {
      this.#server.trouble(fate.milliseconds);
      if (fate.kind === 'kill') {
        process.kill();
        for (const connection of this.#server.connections) if (connection.process === process) connection.breakDown();
      } else process[fate.kind](fate.milliseconds);
    });
  }

  #act(index: number): void {
    const action = this.#plan.actions[index];
    if (!action) return;
    this.#machine.later(undefined, action.delayMs, '', () => {
      this.#perform(action);
      this.#act(index + 1);
    });
  }

  #perform(action: Action): void {
    const { kind, name, milliseconds, timeoutMs } = action;
    const server = this.#server;
    const machine = this.#machine;
    const place = this.#places[action.process] as Place;
    const isAround = kind === 'set clock' || kind === 'cut' || kind === 'restart';
    if (isAround) {
      this.#witness.hasTrouble = true;
      server.trouble(kind === 'restart' ? milliseconds : 0);
      machine.note(undefined, `${kind} (${milliseconds} ms, process ${action.process})`);
    }
    if (kind === 'set clock') {
      server.clockOffsetMs += milliseconds;
      this.#witness.clockSet(milliseconds);
    } else if (kind === 'cut') server.cut(place.process);
    else if (kind === 'restart') {
      server.isDown = true;
      server.cut();
      machine.later(undefined, milliseconds, 'the server is back', () => {
        server.isDown = false;
      });
    } else if (!place.process.isDead && !place.isClosed) {
      machine.enqueue(place.process, '', () => {
        if (kind === 'exclusively') void this.#exclusively(place, action);
        else if (kind === 'close') this.#close(place);
        else if (kind === 'get') void this.#read(place, name);
        else if (kind === 'changed') void this.#changed(place, name, timeoutMs);
        else this.#write(place, kind, name);
      });
    }
  }

  /** Makes the call, as code of the process. */
  async #call<T>(
    { process }: Place,
    call: { method: Method; name: string } & Partial<Call>,
    make: (known: Call) => Promise<T>,
  ): Promise<T | undefined> {
    const known = this.#witness.called({ process, ...call });
    const label = (): string => `${call.method}(${call.name}, ${call.token ?? call.timeoutMs ?? ''})`;
    this.#machine.note(process, () => `calls ${label()}`);
    try {
      const result = await process.during(doing[call.method], make(known));
      this.#machine.note(process, () => `${label()} resolves with ${JSON.stringify(result)}`);
      this.#witness.settled(known, { result });
      return result;
    } catch (error) {
      this.#machine.note(process, () => `${label()} rejects with ${error}`);
      this.#witness.settled(known, { error: error as NonNullable<Call['error']> });
      return undefined;
    }
  }

  async #exclusively(
    place: Place,
    { times = 1, ...action }: Pick<Action, 'name' | 'timeoutMs' | 'work'> & Partial<Action>,
  ): Promise<void> {
    const { name, timeoutMs, abortAfterMs } = action;
    for (let time = 0; time < times && !place.isClosed; time++) {
      const controller = new SimulatedController();
      const reason = Object.assign(new Error('the caller gives up'), { code: 'ABORTED' });
      const giveUp = (): void => controller.abort(reason);
      if (abortAfterMs !== undefined) this.#machine.setTimer(place.process, abortAfterMs, giveUp);
      const options = { timeout: timeoutMs, signal: controller.signal as unknown as AbortSignal };
      await this.#call(place, { method: 'exclusively', name, timeoutMs }, (call) => {
        const work = async (lock: Task['lock']): Promise<void> => {
          const task = this.#witness.began(call, lock);
          this.#machine.note(place.process, `begins its task for ${name}`);
          await place.process.during(doing.task, this.#work(place, action, task));
          this.#witness.ended(task);
          this.#machine.note(place.process, `ends its task for ${name}`);
        };
        return place.store.exclusively(name, work, options);
      });
    }
  }

  async #work(
    place: Place,
    { work, name, holdMs = 0 }: Pick<Action, 'work' | 'name'> & Partial<Action>,
    task: Task,
  ): Promise<void> {
    if (work === 'refresh') {
      await this.#read(place, name, task);
      // shared-token proves in this way that it can write, before it spends a token.
      await this.#write(place, 'replace', name, task);
    }
    const slices = holdMs > 1_000 ? 4 : 1;
    for (let slice = 0; slice < slices && holdMs > 0; slice++) {
      await this.#sleep(place, holdMs / slices);
      this.#witness.observe(task);
      if (work === 'hold') await this.#read(place, name, task);
    }
    if (work !== 'hold') await this.#write(place, work === 'refresh' ? 'replace' : work, name, task);
  }

  async #read(place: Place, name: string, task?: Task): Promise<void> {
    const call = { method: 'get', name, task } as const;
    const { known } = place;
    await this.#call(place, call, async () => {
      const token = (await place.store.get(name))?.refreshToken;
      known.set(name, token);
      return token;
    });
  }

  async #write(place: Place, kind: 'set' | 'replace' | 'delete', name: string, task?: Task): Promise<void> {
    // Deletions look alike.
    if (kind === 'delete' && this.#witness.isDeleting(place.process, name)) return;
    const previous = place.known.get(name);
    const token = kind === 'delete' ? undefined : `token-${++this.#tokens}`;
    await this.#call(place, { method: kind, name, token, previous, task }, async () => {
      const { store, known } = place;
      if (token === undefined) return store.delete(name);
      if (kind === 'set') await store.set(name, { refreshToken: token });
      else if (!(await store.replace(name, previous, { refreshToken: token }))) return false;
      known.set(name, token);
      return true;
    });
  }

  async #changed(place: Place, name: string, timeoutMs: number): Promise<void> {
    const timeout = Math.min(timeoutMs, 30_000);
    await this.#call(place, { method: 'changed', name, timeoutMs: timeout }, () =>
      place.store.changed(name, { timeout }),
    );
    if (this.#machine.choices.isRare(streams.person, 2)) await this.#read(place, name);
  }

  #close(place: Place): void {
    place.isClosed = true;
    // Its tasks keep their locks for 30 s at most.
    this.#witness.hasTrouble = true;
    this.#server.trouble(0);
    void this.#call(place, { method: 'close', name: '' }, () => place.store.close());
  }

  #sleep({ process }: Place, milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#machine.setTimer(process, milliseconds, resolve));
  }
}
