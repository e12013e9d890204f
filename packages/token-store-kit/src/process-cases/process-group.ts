import { AssertionError } from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stepTimeoutMs } from '../contract-cases/soon.ts';
import { maxDelayMs, settled } from '../pause.ts';
import { type Call, doneStatus, now, type Run, randomFrom } from './call.ts';
import { describe, findViolation } from './history.ts';

/** What the processes of a case have in common. */
export interface GroupOptions {
  /** The program of each process. */
  readonly program: URL;
  /** The URL of the module that opens the store. */
  readonly module: string;
  newPlace(): string | Promise<string>;
  removePlace?: ((place: string) => unknown) | undefined;
  /** How many histories are made at once, each with a name of its own. */
  readonly names: number;
  readonly leaseTime: number;
  readonly isCut: boolean;
  readonly deadline: number;
  readonly seed: number;
}

type Message = 'ready' | 'special' | { readonly problem: string; readonly name: string };

interface Member {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  /** Resolves when its task of `taskMs` has begun. */
  readonly special: Promise<void>;
  readonly ended: Promise<void>;
}

/** For one name, by all processes together, unless some are killed. */
const callsOfHistory = 200;

/** What is done in a round. */
interface Round {
  /** How many processes make the calls. */
  readonly workers: number;
  /** If set, half of the processes (rounded up) have one task that takes so long. */
  readonly taskMs?: number;
  /** Called when such a task has begun. */
  disturb?(child: ChildProcess): Promise<unknown>;
}

/** The processes of a case. Each wait for them rejects as soon as the case has failed. */
export class ProcessGroup {
  readonly random: () => number;
  /** The place of this round's stores. */
  place = '';
  readonly #options: GroupOptions;
  readonly #names: readonly string[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'calls-'));
  readonly #failed = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;
  /** The processes of this round, and the signals to them. */
  #children: ChildProcess[] = [];
  #signals: Call[] = [];
  readonly #killAll = (): void => {
    for (const child of this.#children) child.kill('SIGKILL');
  };

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#names = Array.from({ length: options.names }, (_, index) => `app ${index}`);
    this.random = randomFrom(options.seed);
    const tooLate = (): unknown => this.fail(`it was not done within ${options.deadline} ms`);
    this.#timer = setTimeout(tooLate, Math.min(options.deadline, maxDelayMs));
    this.#failed.promise.catch(() => {});
    // A stopped process would not notice that its parent has ended.
    process.once('exit', this.#killAll);
  }

  /** Starts processes that make calls at a new place. Judges their histories, and returns them. */
  async run({ workers, taskMs, disturb }: Round): Promise<Call[][]> {
    this.place = await this.#options.newPlace();
    this.#children = [];
    this.#signals = [];
    const members = Array.from({ length: workers }, () => this.#start());
    const specials = taskMs === undefined ? [] : members.slice(Math.floor(workers / 2));
    try {
      await this.#unlessFailed(Promise.all(members.map(({ ready }) => ready)));
      for (const member of members) {
        this.#tell(member, callsOfHistory / workers, specials.includes(member) ? taskMs : undefined);
      }
      const disturbed = specials.map(({ special, child }) => special.then(() => disturb?.(child)));
      await this.#unlessFailed(Promise.all([...disturbed, ...members.map(({ ended }) => ended)]));
      return await this.#judge();
    } finally {
      this.#killAll();
      await settled(Promise.all(members.map(({ ended }) => ended)), stepTimeoutMs);
      await this.#options.removePlace?.(this.place);
    }
  }

  pause(milliseconds: number): Promise<unknown> {
    return this.#unlessFailed(delay(milliseconds));
  }

  signal(child: ChildProcess, kind: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#signals.push({ pid: child.pid as number, kind, name: '', start: now() });
    child.kill(kind);
  }

  /** Fails the case with the first problem. Shows the newest calls, only those for `name` if it is set. */
  fail(problem: string, name?: string, until = now()): Promise<never> {
    const calls = this.#readCalls().filter((call) => call.start <= until && (name ?? call.name) === call.name);
    const message = `${problem}\nWhat happened, with the seed ${this.#options.seed}:\n${describe(calls)}`;
    this.#failed.reject(new AssertionError({ message }));
    return this.#failed.promise;
  }

  dispose(): void {
    clearTimeout(this.#timer);
    process.off('exit', this.#killAll);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  #start(): Member {
    const { program, module } = this.#options;
    const child = fork(program, [module, this.place], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const { pid = -1 } = child;
    this.#children.push(child);
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const said = { ready: Promise.withResolvers<void>(), special: Promise.withResolvers<void>() };
    child.on('message', (message: Message) => {
      if (typeof message === 'string') said[message].resolve();
      else this.fail(message.problem, message.name);
    });
    const ended = once(child, 'close').then(
      ([status, signal]) => {
        const isKilled = this.#signals.some((sent) => sent.pid === pid && sent.kind === 'SIGKILL');
        if (status === doneStatus || isKilled) return;
        this.fail(`process ${pid} ended too early (${signal ?? `exit ${status}`})\n${errors}`);
      },
      (error: Error) => void this.fail(`no process could be started: ${error.message}`),
    );
    return { child, ended, ready: said.ready.promise, special: said.special.promise };
  }

  #tell({ child }: Member, calls: number, taskMs: number | undefined): void {
    const { names, leaseTime, isCut } = this.#options;
    const run: Run = {
      names: this.#names,
      calls,
      seed: this.random() * 2 ** 32,
      log: this.#logOf(child.pid as number),
      // On a busy machine, a call for one name waits for the calls for all others.
      limitMs: 3 * leaseTime + (isCut ? 3 : 1) * stepTimeoutMs * Math.max(1, names / 2),
      isCut,
      taskMs,
    };
    // Ignores that the process may have ended: `ended` reports that better.
    child.send(run, () => {});
  }

  async #judge(): Promise<Call[][]> {
    const calls = this.#readCalls();
    const histories = this.#names.map((name) => calls.filter((call) => call.name === name));
    for (const [index, history] of histories.entries()) {
      const violation = findViolation(history, this.#options.leaseTime > 0);
      if (violation) await this.fail(violation.problem, this.#names[index], violation.time);
    }
    return histories;
  }

  /** The logged calls of this round's processes, and the signals to them. */
  #readCalls(): Call[] {
    const calls = new Map<string, Call>();
    for (const { pid = -1 } of this.#children) {
      const log = this.#logOf(pid);
      for (const line of existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []) {
        const { id, ...written } = JSON.parse(line);
        const key = `${pid} ${id}`;
        calls.set(key, { pid, ...calls.get(key), ...written });
      }
    }
    return [...calls.values(), ...this.#names.flatMap((name) => this.#signals.map((signal) => ({ ...signal, name })))];
  }

  #logOf(pid: number): string {
    return join(this.#folder, `${pid}`);
  }

  /** The outcome of the promise, unless the case fails before. */
  #unlessFailed<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([this.#failed.promise, promise]);
  }
}
