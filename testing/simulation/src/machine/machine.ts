import { AsyncLocalStorage } from 'node:async_hooks';
import { type Choices, streams } from './choices.ts';
import { Timer } from './timer.ts';

/** The wall clock of the simulated world at its beginning, in epoch milliseconds. */
export const epoch = Date.UTC(2026, 0, 1);

/** A schedule that has not ended after so many steps never will. */
const maxStepsOfSchedule = 20_000;

/** Calls of models in one step, without any step between them: a loop that never ends. */
const maxCallsPerStep = 2_000;

/** How the next step is chosen: always the oldest, rarely another one, any. */
const orders = ['oldest', 'rarely', 'any'] as const;

/** What a killed process runs into when it asks a model for anything. Its callers are gone, so it reaches no test. */
export const killed = new Error('this process was killed');

/** What a trace says of a step; a function if it takes time to say it. */
type Label = string | (() => string);

interface Step {
  /** Undefined: a step of the world outside of the processes, for example a request that arrives. */
  readonly process: Process | undefined;
  readonly label: Label;
  readonly run: () => void;
}

/** Where a schedule goes another way than before: from that step on, with the choices of that seed. */
export interface Branch {
  readonly step: number;
  readonly seed: number;
}

/** What was the case before a step, as a number. */
export interface Seen {
  readonly step: number;
  readonly state: number;
}

/** One process of the simulated machine. */
export class Process {
  readonly id: number;
  readonly machine: Machine;
  /** Timers and answers that keep it alive: an unref'd timer fires only while there is one. */
  refs = 0;
  isDead = false;
  /** By the machine's clock: SIGSTOP until then. */
  stoppedUntil = 0;
  /** How far its wall clock is off. */
  wallOffsetMs = 0;
  /** The last sleep of its computer, and how long those before it were. */
  #sleep = { until: 0, milliseconds: 0, beforeMs: 0 };
  /** How often it could have been killed so far. */
  moments = 0;
  /** What happens to it, and at which moment. */
  readonly #fates = new Map<number, (() => void)[]>();
  readonly onDeath: (() => void)[] = [];
  /** What may meet it at each moment, if the choices of the schedule say so. */
  readonly troubles: (() => void)[] = [];
  /** What it is in the midst of: how often, by the bits of `doing`, and all bits. */
  readonly #counts: number[] = [];
  doing = 0;

  constructor(machine: Machine, id: number) {
    this.machine = machine;
    this.id = id;
  }

  get wallNow(): number {
    return epoch + this.machine.now + this.wallOffsetMs;
  }

  /** A moment at which the process may be killed or stopped: before and after all that others could notice. */
  pass(): void {
    if (this.isDead) throw killed;
    const fates = this.#fates.get(this.moments++);
    if (fates) for (const run of fates) run();
    const trouble = this.machine.choices.trouble(this.troubles.length);
    if (trouble > 0) this.troubles[trouble - 1]?.();
    if (this.isDead) throw killed;
  }

  /** Is in the midst of that until the promise settles. */
  during<T>(what: number, promise: Promise<T>): Promise<T> {
    this.count(what, 1);
    const end = (): void => this.count(what, -1);
    promise.then(end, end);
    return promise;
  }

  /** Begins (1) or ends (-1) to be in the midst of that. */
  count(what: number, change: number): void {
    const bit = Math.clz32(what);
    const count = (this.#counts[bit] ?? 0) + change;
    this.#counts[bit] = count;
    this.doing = count > 0 ? this.doing | what : this.doing & ~what;
  }

  /** Something happens to it after so many moments. */
  afterMoments(moments: number, run: () => void): void {
    const moment = this.moments + moments;
    this.#fates.set(moment, [...(this.#fates.get(moment) ?? []), run]);
  }

  /** Nothing more happens to it. */
  spare(): void {
    this.#fates.clear();
  }

  kill(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.machine.note(this, 'is killed');
    this.machine.forget(this);
    for (const tell of this.onDeath) tell();
  }

  stop(milliseconds: number): void {
    this.stoppedUntil = Math.max(this.stoppedUntil, this.machine.now + milliseconds);
    this.machine.note(this, `is stopped for ${milliseconds} ms`);
    // Wakes the scheduler when it goes on.
    this.machine.later(undefined, milliseconds, 'goes on', () => {});
  }

  sleep(milliseconds: number): void {
    this.#sleep = { until: this.machine.now + milliseconds, milliseconds, beforeMs: this.sleptMs };
    this.stop(milliseconds);
  }

  /** For how long its computer slept: its monotonic clock stood still meanwhile, the system's uptime did not. */
  get sleptMs(): number {
    const { until, milliseconds, beforeMs } = this.#sleep;
    return this.machine.now < until ? beforeMs : beforeMs + milliseconds;
  }

  get isStopped(): boolean {
    return this.stoppedUntil > this.machine.now;
  }
}

export interface MachineOptions {
  readonly trace?: boolean;
  readonly maxSteps?: number;
  readonly branches?: readonly Branch[] | undefined;
}

/**
 * The simulated machine: processes, one clock, and all steps that are due. It takes one step at a time, in an order that the seed
 * chooses, and lets everything that the step started run until nothing is left but waiting.
 */
export class Machine {
  readonly choices: Choices;
  /** Milliseconds since the beginning: the clock that is never set. */
  now = 0;
  /** The process whose code runs. */
  current: Process | undefined;
  /** Told about each step, for a person who reads. */
  readonly trace: string[] | undefined;
  order: (typeof orders)[number] = 'oldest';
  /** Whether time may pass although a step is due: some computers are slow. */
  isSlow = false;
  /** What of a task runs, as Node would carry it across awaits. */
  readonly context = new AsyncLocalStorage<unknown>();
  failure: Error | undefined;
  steps = 0;
  /** How many random values were given out. */
  randoms = 0;
  /** Timers that are worth waiting for. When none is left, and no step, the schedule has ended. */
  refTimers = 0;
  readonly #maxSteps: number;
  /** The next one last. */
  readonly #branches: Branch[];
  /** Told before each step. Set by the enumeration of a small world. */
  onStep: ((process: Process | undefined, label: string) => void) | undefined;
  /** What the processes share, as text. Set by the schedule. */
  describeWorld = (): string => '';
  /** What happens besides when the schedule goes another way. Set by the schedule. */
  onBranch = (): void => {};
  /** Something that this process waits for takes long, or a fate has met it: more may happen just then. Set by the world. */
  onDelay = (_process: Process): void => {};
  /** What is the case after a step of that process, as numbers. Set by the schedule if it has rare states, as long as it may branch. */
  describe: ((last: Process | undefined) => readonly number[]) | undefined;
  readonly seen: Seen[] = [];
  #last: Process | undefined;
  readonly #ready: Step[] = [];
  /** The earliest last. */
  readonly #timers: Timer<Process>[] = [];
  #callsInStep = 0;

  constructor(choices: Choices, options: MachineOptions = {}) {
    this.choices = choices;
    this.#branches = [...(options.branches ?? [])].reverse();
    this.trace = options.trace ? [] : undefined;
    this.#maxSteps = options.maxSteps ?? maxStepsOfSchedule;
  }

  get wallNow(): number {
    return epoch + this.now;
  }

  note(process: Process | undefined, text: Label): void {
    if (!this.trace) return;
    const who = process ? `process ${process.id}` : '·';
    this.trace.push(
      `${(this.now / 1000).toFixed(3).padStart(9)} s  ${who.padEnd(10)} ${typeof text === 'string' ? text : text()}`,
    );
  }

  fail(error: Error): void {
    this.failure ??= error;
  }

  chooseOrder(): void {
    this.order = orders[this.choices.weighted(streams.order, [2, 3, 3])] as (typeof orders)[number];
    this.isSlow = this.choices.isRare(streams.order, 3);
  }

  /** A step that is due now. */
  enqueue(process: Process | undefined, label: Label, run: () => void): void {
    if (++this.#callsInStep > maxCallsPerStep) {
      this.fail(new Error(`a loop that never waits: ${typeof label === 'string' ? label : label()}`));
      return;
    }
    if (process) process.refs++;
    this.#ready.push({ process, label, run });
  }

  /** A step that is due after that many milliseconds; now if they are 0. */
  later(process: Process | undefined, milliseconds: number, label: Label, run: () => void): void {
    if (milliseconds <= 0) this.enqueue(process, label, run);
    else this.setTimer(process, milliseconds, () => this.enqueue(process, label, run));
  }

  setTimer(process: Process | undefined, milliseconds: number, run: () => void): Timer<Process> {
    const context = this.context.getStore();
    const inContext = context === undefined ? run : () => this.context.run(context, run);
    const timer = new Timer(this, this.now + Math.max(milliseconds, 1), process, inContext);
    if (process?.isDead) timer.finish();
    const timers = this.#timers;
    let index = timers.length;
    timers.push(timer);
    for (; index > 0; index--) {
      const other = timers[index - 1] as Timer<Process>;
      if (other.due > timer.due) break;
      timers[index] = other;
    }
    timers[index] = timer;
    return timer;
  }

  /** The timers of a process that was killed. */
  forget(process: Process): void {
    for (const timer of this.#timers) if (timer.process === process) timer.finish();
  }

  /** Runs until nothing is left to wait for, or until something failed. */
  run(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const resolved = Promise.resolve();
    // Node runs a tick when no microtask is left. So between two steps all code has come to an await.
    const again = (): void => process.nextTick(tick);
    const tick = (): void => {
      if (this.#step()) void resolved.then(again);
      else resolve();
    };
    process.nextTick(tick);
    return promise;
  }

  /** All that is due or waits for its time, as text: with what the processes have observed, it decides what happens next. */
  describeAgenda(): string {
    const of = (process: Process | undefined): number => process?.id ?? 0;
    const steps = this.#ready.map(
      ({ process, label }) => `${of(process)} ${typeof label === 'string' ? label : label()}`,
    );
    const timers = this.#timers.filter(({ isDone }) => !isDone).map(({ due, process }) => `${of(process)} ${due}`);
    return [...steps.sort(), ...timers.sort()].join('|');
  }

  /** False: nothing is left to do. */
  #step(): boolean {
    this.current = undefined;
    this.#callsInStep = 0;
    if (this.failure) return false;
    this.#lookAround();
    if (++this.steps > this.#maxSteps) this.fail(new Error(`still running after ${this.#maxSteps} steps`));
    const isLate = this.isSlow && this.choices.isRare(streams.order, 24);
    const step = isLate ? undefined : this.#takeStep();
    if (step) this.#runStep(step.process, step.label, step.run);
    else {
      const timer = this.#takeTimer();
      if (timer) this.#runStep(timer.process, '', timer.run);
      else if (isLate && this.#ready.length > 0) return true;
      else return false;
    }
    return true;
  }

  #lookAround(): void {
    const step = this.steps;
    for (const state of this.describe?.(this.#last) ?? []) this.seen.push({ step, state });
    if (this.#branches.at(-1)?.step !== step) return;
    this.choices.continueWith((this.#branches.pop() as Branch).seed);
    this.note(undefined, 'from here on it goes another way');
    this.onBranch();
  }

  #runStep(process: Process | undefined, label: Label, run: () => void): void {
    this.current = process;
    this.#last = process;
    if (label !== '') this.note(process, label);
    this.onStep?.(process, typeof label === 'string' ? label : label());
    if (this.failure) return;
    try {
      process?.pass();
      run();
    } catch (error) {
      if (error !== killed) this.fail(error as Error);
    }
  }

  #takeStep(): Step | undefined {
    const ready = this.#ready;
    for (;;) {
      const due = this.#dueSteps();
      const index = due.length > 1 ? this.#pick(due.length) : 0;
      const step = due[index];
      if (!step) return undefined;
      removeAt(ready, due === ready ? index : ready.indexOf(step));
      const { process } = step;
      if (!process) return step;
      process.refs--;
      if (!process.isDead) return step;
    }
  }

  /** The steps of processes that are not stopped. */
  #dueSteps(): readonly Step[] {
    for (const { process } of this.#ready) {
      // As a rule none is.
      if (process?.isStopped) return this.#ready.filter((step) => !step.process?.isStopped);
    }
    return this.#ready;
  }

  #pick(count: number): number {
    if (this.order === 'oldest') return 0;
    return this.order === 'any'
      ? this.choices.below(streams.order, count)
      : this.choices.rarelyBelow(streams.order, count, 8);
  }

  /** The next timer that may fire. Time passes until it is due. */
  #takeTimer(): Timer<Process> | undefined {
    if (this.refTimers === 0) return undefined;
    for (let index = this.#timers.length - 1; index >= 0; index--) {
      const timer = this.#timers[index] as Timer<Process>;
      const { process } = timer;
      if (timer.isDone) {
        removeAt(this.#timers, index);
        continue;
      }
      const due = Math.max(timer.due, this.now);
      if (process && (process.stoppedUntil > due || (!timer.isRef && process.refs === 0))) continue;
      removeAt(this.#timers, index);
      timer.finish();
      this.now = due;
      return timer;
    }
    return undefined;
  }
}

/** As splice(), which makes an array of what it removes. */
function removeAt(list: unknown[], index: number): void {
  for (let at = index + 1; at < list.length; at++) list[at - 1] = list[at];
  list.pop();
}
