import { AssertionError } from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { stepTimeoutMs } from '../contract-cases/soon.ts';
import { pause } from '../pause.ts';
import { Judge, type Turn } from './judge.ts';
import type { Plan, Step } from './turn.ts';

/** What the processes of a case have in common. */
export interface GroupOptions {
  /** What each of them runs. */
  readonly program: URL;
  /** The URL of the module that opens the store. */
  readonly module: string;
  readonly place: string;
  readonly leaseTime: number;
  readonly deadline: number;
  readonly seed: number;
}

interface Member {
  readonly pid: number;
  readonly child: ChildProcess;
  turn?: Turn;
  errors: string;
}

/** The processes of a case, which take turns. Each wait for them rejects as soon as they have done what no store may let happen. */
export class ProcessGroup {
  /** How the next turn that begins is made. Default: it is drawn. */
  nextPlan: Plan | undefined;
  readonly judge: Judge;
  readonly #options: GroupOptions;
  #drawn: number;
  /** Those that were not killed. */
  readonly #members = new Map<number, Member>();
  /** Those that have not ended. */
  readonly #running = new Set<ChildProcess>();
  readonly #waiting: ChildProcess[] = [];
  readonly #events = new EventEmitter<{ ready: []; begin: []; close: [] }>();
  readonly #failed = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #isEnding = false;
  readonly #killAll = (): void => {
    for (const child of this.#running) child.kill('SIGKILL');
  };

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#drawn = options.seed;
    this.judge = new Judge(options.leaseTime > 0, (problem) => this.fail(problem));
    this.#timer = setTimeout(() => this.fail(`it was not done within ${options.deadline} ms`), options.deadline);
    process.once('exit', this.#killAll);
  }

  /** A number from 0 to 1 that depends on the seed alone. */
  random(): number {
    this.#drawn = (Math.imul(this.#drawn, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#drawn / 2 ** 32;
  }

  /** Resolves when they are ready, and take turns. */
  async start(count: number): Promise<void> {
    for (let started = 0; started < count; started++) this.#startOne();
    while (this.#waiting.length < count) await this.#until('ready');
    for (const child of this.#waiting.splice(0)) this.#answer(child, 'begin');
  }

  pause(milliseconds: number): Promise<unknown> {
    return pause(milliseconds, [this.#failed.signal]);
  }

  /** How many milliseconds it takes until the next task begins. */
  async nextTurn(limitMs = stepTimeoutMs): Promise<number> {
    const started = performance.now();
    if (!(await this.#until('begin', limitMs))) this.fail(`no process had the lock within ${limitMs} ms`);
    this.#failed.signal.throwIfAborted();
    return performance.now() - started;
  }

  /** Kills the process whose task runs, or another one. Its turn may be at any point. */
  kill(): void {
    const member = this.#victim();
    this.#members.delete(member.pid);
    member.child.kill('SIGKILL');
    this.judge.kill(member.pid);
  }

  /** Stops such a process. The function that it returns lets it go on. */
  stop(): () => void {
    const { child, pid } = this.#victim();
    child.kill('SIGSTOP');
    this.judge.stop(pid);
    return () => {
      this.judge.note(pid, 'goes on (SIGCONT)');
      child.kill('SIGCONT');
    };
  }

  /** Resolves when each process has ended its last turn, closed its store, and ended. */
  async end(): Promise<void> {
    this.#isEnding = true;
    while (this.#running.size > 0) await this.#until('close');
  }

  /** Leaves no process behind. */
  async dispose(): Promise<void> {
    clearTimeout(this.#timer);
    this.#members.clear();
    this.#killAll();
    while (this.#running.size > 0 && (await this.#until('close', stepTimeoutMs, [])));
    process.off('exit', this.#killAll);
  }

  /** Fails the case: the first problem counts. */
  fail(problem: string): void {
    const message = `${problem}\nWhat happened, with the seed ${this.#options.seed}:\n${this.judge.history}`;
    this.#failed.abort(new AssertionError({ message }));
  }

  #startOne(): void {
    const { program, module, place } = this.#options;
    const child = fork(program, [module, place], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const pid = child.pid ?? -1;
    const member: Member = { pid, child, errors: '' };
    this.#members.set(pid, member);
    this.#running.add(child);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      member.errors += text;
    });
    // What a killed process has said before may come after it.
    child.on('message', (step: Step) => this.#members.get(pid) === member && this.#hear(member, step));
    child.once('error', (error) => this.fail(`no process could be started: ${error.message}`));
    child.once('close', (status, signal) => {
      this.#running.delete(child);
      if (this.#members.delete(pid) && (status !== 0 || !this.#isEnding)) {
        this.fail(`process ${pid} ended too early (${signal ?? `exit ${status}`})\n${member.errors}`);
      }
      this.#events.emit('close');
    });
  }

  #hear(member: Member, step: Step): void {
    const { child, pid, turn } = member;
    if ('isWhole' in step && !step.isWhole)
      this.fail(`process ${pid} read a record with parts of two, or less than one`);
    if (step.step === 'ready') {
      this.#waiting.push(child);
      this.#events.emit('ready');
    } else if (step.step === 'begin') {
      member.turn = this.judge.begin(pid);
      this.#answer(child, this.nextPlan ?? this.#drawPlan());
      this.nextPlan = undefined;
      this.#events.emit('begin');
    } else if (step.step === 'swap') {
      this.judge.swap(pid, step.token, step.isWritten);
    } else if (step.step === 'fail') {
      this.fail(`in process ${pid} the store failed: ${step.problem}`);
    } else if (turn) {
      if (step.step === 'read') this.judge.read(turn, step.token);
      if (step.step === 'write') this.judge.write(turn, step.outcome);
      if (step.step === 'end') {
        this.judge.end(turn, step.isLost);
        this.#answer(child, this.#isEnding);
      }
    }
  }

  #answer(child: ChildProcess, answer: Plan | boolean | 'begin'): void {
    // If it has ended meanwhile, its end says more.
    child.send(answer, () => {});
  }

  #drawPlan(): Plan {
    return { by: this.random() < 0.5 ? 'set' : 'replace', pauseMs: this.random() * 3 };
  }

  #victim(): Member {
    const members = [...this.#members.values()];
    const holder = members.find(({ pid }) => pid === this.judge.holder);
    return holder ?? (members[Math.floor(this.random() * members.length)] as Member);
  }

  #until(
    event: 'ready' | 'begin' | 'close',
    limitMs = this.#options.deadline,
    signals = [this.#failed.signal],
  ): Promise<boolean> {
    return pause(limitMs, signals, (wake) => {
      this.#events.once(event, wake);
      return () => this.#events.off(event, wake);
    });
  }
}
