import { AssertionError } from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stepTimeoutMs } from '../contract-cases/soon.ts';
import { pause } from '../pause.ts';
import { type Call, now, type Run, randomFrom } from './call.ts';
import { describe, findViolation } from './history.ts';

/** What the processes of a case have in common. */
export interface GroupOptions {
  /** What each of them runs. */
  readonly program: URL;
  /** The URL of the module that opens the store. */
  readonly module: string;
  readonly place: string;
  /** So many histories are made at once, each with a name of its own. */
  readonly names: number;
  readonly leaseTime: number;
  readonly isCut: boolean;
  readonly deadline: number;
  readonly seed: number;
}

type Message = 'ready' | 'special' | { readonly problem: string; readonly name: string };

interface Member {
  readonly pid: number;
  readonly child: ChildProcess;
  isReady: boolean;
  /** Whether its special task has begun. */
  isSpecial: boolean;
  errors: string;
}

const callsOfHistory = 200;
/** Of one run. Others take over the calls of those that are killed. */
const workers = 3;

/** The processes of a case. Each wait for them rejects as soon as they have done what no store may let happen. */
export class ProcessGroup {
  readonly random: () => number;
  readonly #options: GroupOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'calls-'));
  /** Those that were not killed. */
  readonly #members = new Map<number, Member>();
  /** Those that have not ended. */
  readonly #running = new Set<ChildProcess>();
  readonly #events = new EventEmitter<{ ready: []; special: []; close: [] }>();
  readonly #failed = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #runs = 0;
  #names: readonly string[] = [];
  /** The processes of this run, and what was done to them. */
  #pids: number[] = [];
  #signals: Call[] = [];
  #isEnding = false;
  readonly #killAll = (): void => {
    for (const child of this.#running) child.kill('SIGKILL');
  };

  constructor(options: GroupOptions) {
    this.#options = options;
    this.random = randomFrom(options.seed);
    this.#timer = setTimeout(() => this.fail(`it was not done within ${options.deadline} ms`), options.deadline);
    process.once('exit', this.#killAll);
  }

  /** Resolves when so many more are ready. */
  async start(count: number): Promise<void> {
    const started = Array.from({ length: count }, () => this.#startOne());
    await this.#untilReady(started);
  }

  /**
   * Lets three processes make the calls of some histories, judges these, and returns them. If `taskMs` is set, all but one, which is drawn,
   * have one task that takes so long. When such a task has begun, `disturb` is called.
   */
  async run(taskMs?: number, disturb?: (pid: number) => Promise<unknown>): Promise<Call[][]> {
    const members = [...this.#members.values()].slice(0, workers);
    const spared = members[Math.floor(this.random() * members.length)] as Member;
    const forget = this.#names;
    this.#runs++;
    this.#names = Array.from({ length: this.#options.names }, (_, index) => `app ${this.#runs}.${index}`);
    this.#pids = [];
    this.#signals = [];
    for (const member of members) {
      const isSpared = member === spared;
      this.#tell(member, {
        calls: callsOfHistory / members.length,
        // By one that is not killed: it might leave a lock that is a file.
        forget: isSpared ? forget : [],
        taskMs: isSpared ? undefined : taskMs,
      });
    }
    const disturbSpecial = async (member: Member): Promise<void> => {
      while (!member.isSpecial) await this.#until('special');
      await disturb?.(member.pid);
    };
    const specials = members.filter((member) => taskMs !== undefined && member !== spared);
    await Promise.all(specials.map(disturbSpecial));
    await this.#untilReady([...this.#members.values()]);
    const calls = this.#readCalls();
    const histories = this.#names.map((name) => calls.filter((call) => call.name === name));
    for (const [index, history] of histories.entries()) {
      const violation = findViolation(history, this.#options.leaseTime > 0);
      if (violation) this.fail(violation.problem, this.#names[index], violation.time);
    }
    this.#failed.signal.throwIfAborted();
    return histories;
  }

  pause(milliseconds: number): Promise<unknown> {
    return pause(milliseconds, [this.#failed.signal]);
  }

  /** One that has nothing to do makes the calls that the killed one has not made. */
  async kill(pid: number): Promise<void> {
    const { child } = this.#members.get(pid) as Member;
    this.#members.delete(pid);
    this.#signal(child, 'SIGKILL');
    while (this.#running.has(child)) await this.#until('close');
    const made = this.#readCalls().filter((call) => call.pid === pid).length / this.#names.length;
    const next = [...this.#members.values()].find((member) => !this.#pids.includes(member.pid));
    if (next) this.#tell(next, { calls: callsOfHistory / workers - made, forget: [] });
  }

  async stop(pid: number, milliseconds: number): Promise<void> {
    const { child } = this.#members.get(pid) as Member;
    this.#signal(child, 'SIGSTOP');
    await this.pause(milliseconds);
    this.#signal(child, 'SIGCONT');
  }

  /** Resolves when each process has closed its store and ended. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const forget = this.#names;
    this.#names = [];
    for (const [index, member] of [...this.#members.values()].entries()) {
      this.#tell(member, { calls: 0, forget: index === 0 ? forget : [] });
    }
    while (this.#running.size > 0) await this.#until('close');
  }

  /** Leaves no process behind. */
  async dispose(): Promise<void> {
    clearTimeout(this.#timer);
    this.#members.clear();
    this.#killAll();
    while (this.#running.size > 0 && (await this.#until('close', stepTimeoutMs, [])));
    process.off('exit', this.#killAll);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  /** Fails the case: the first problem counts. Shows the newest calls, those for `name` alone if that is set. */
  fail(problem: string, name?: string, until = now()): void {
    const calls = this.#readCalls().filter((call) => call.start <= until && (name ?? call.name) === call.name);
    const message = `${problem}\nWhat happened, with the seed ${this.#options.seed}:\n${describe(calls)}`;
    this.#failed.abort(new AssertionError({ message }));
  }

  #startOne(): Member {
    const { program, module, place } = this.#options;
    const child = fork(program, [module, place], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const pid = child.pid ?? -1;
    const member: Member = { pid, child, isReady: false, isSpecial: false, errors: '' };
    this.#members.set(pid, member);
    this.#running.add(child);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      member.errors += text;
    });
    child.on('message', (message: Message) => this.#hear(member, message));
    child.once('error', (error) => this.fail(`no process could be started: ${error.message}`));
    child.once('close', (status, signal) => {
      this.#running.delete(child);
      if (this.#members.delete(pid) && (status !== 0 || !this.#isEnding)) {
        this.fail(`process ${pid} ended too early (${signal ?? `exit ${status}`})\n${member.errors}`);
      }
      this.#events.emit('close');
    });
    return member;
  }

  #hear(member: Member, message: Message): void {
    if (typeof message === 'object') {
      this.fail(message.problem, message.name);
    } else {
      if (message === 'ready') member.isReady = true;
      else member.isSpecial = true;
      this.#events.emit(message);
    }
  }

  #tell(member: Member, run: Pick<Run, 'calls' | 'forget' | 'taskMs'>): void {
    member.isReady = false;
    member.isSpecial = false;
    this.#pids.push(member.pid);
    const { names, leaseTime, isCut } = this.#options;
    // On a busy machine a call for one name waits for those for all others.
    const limitMs = 3 * leaseTime + (isCut ? 3 : 1) * stepTimeoutMs * Math.max(1, names / 2);
    const common = { names: this.#names, log: this.#logOf(member.pid), isCut, limitMs };
    // If it has ended meanwhile, its end says more.
    member.child.send({ ...common, seed: this.random() * 2 ** 32, ...run } satisfies Run, () => {});
  }

  /** What the processes have written down in this run, and what was done to them. */
  #readCalls(): Call[] {
    const calls = new Map<string, Call>();
    for (const pid of this.#pids) {
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

  #signal(child: ChildProcess, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#signals.push({ pid: child.pid as number, kind: signal, name: '', start: now() });
    child.kill(signal);
  }

  async #untilReady(members: readonly Member[]): Promise<void> {
    while (members.some(({ pid, isReady }) => !isReady && this.#members.has(pid))) await this.#until('ready');
  }

  #until(
    event: 'ready' | 'special' | 'close',
    limitMs = this.#options.deadline,
    signals = [this.#failed.signal],
  ): Promise<boolean> {
    return pause(limitMs, signals, (wake) => {
      this.#events.once(event, wake);
      return () => this.#events.off(event, wake);
    });
  }
}
