import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { ExclusivelyOptions, TokenStore } from '../token-store.ts';
import { type Call, gaveUp, lockLost, now, type Result, type Run, randomFrom, recordOf } from './call.ts';

/** Numbers all calls, tasks and tokens of this process. */
let count = 0;

/** Makes the calls of this process for one name, one after the other, and logs them. */
export class Caller {
  readonly #store: TokenStore;
  readonly #run: Run;
  readonly #name: string;
  readonly #log: number;
  readonly #random: () => number;
  /** Fails the case if no line is logged for `limitMs`. */
  readonly #late: NodeJS.Timeout;
  #left: number;
  /** The token that was read last. */
  #token: string | undefined;
  /** `isLost`: a call has reported that the lock was lost. */
  #task: { readonly id: string; isLost: boolean } | undefined;
  /** The special task begins when so many calls are left. */
  #specialAt = 0;

  constructor(store: TokenStore, run: Run, { name, index, log }: { name: string; index: number; log: number }) {
    this.#store = store;
    this.#run = run;
    this.#name = name;
    this.#log = log;
    this.#random = randomFrom(run.seed + index);
    this.#left = run.calls;
    this.#late = setTimeout(() => fail(`has waited for ${run.limitMs} ms`, name), run.limitMs);
    if (index === 0 && run.taskMs !== undefined) this.#specialAt = run.calls * (0.3 + this.#random() / 2);
  }

  async run(): Promise<void> {
    try {
      await this.#makeCalls();
    } catch (error) {
      await fail(`could not go on, because the store has failed: ${inspect(error)}`, this.#name);
    } finally {
      clearTimeout(this.#late);
    }
  }

  async #makeCalls(): Promise<void> {
    while (this.#left > 0) {
      const isSpecial = this.#left <= this.#specialAt;
      const drawn = this.#random();
      if (isSpecial || drawn < 0.2) await this.#runTask(isSpecial);
      else if (drawn < 0.4) await this.#write();
      else await this.#read();
    }
  }

  async #runTask(isSpecial: boolean): Promise<void> {
    const task = { id: `${process.pid}/${++count}`, isLost: false };
    const pauseMs = isSpecial ? (this.#run.taskMs ?? 0) / 2 : undefined;
    let end = this.#begin({ kind: 'acquire', task: task.id });
    let isRejected = false;
    const waitLimit = isSpecial || this.#random() < 0.7 ? {} : this.#drawWaitLimit();
    const running = this.#store.exclusively(
      this.#name,
      async ({ signal }) => {
        if (isRejected || waitLimit.signal?.aborted)
          await fail('ran a task after it had ended the wait for it', this.#name);
        end();
        if (isSpecial) {
          this.#specialAt = 0;
          process.send?.('special');
        }
        this.#task = task;
        await this.#read();
        await this.#pause(pauseMs);
        // If the lock is lost meanwhile, most `replace` calls would be refused by their comparison alone.
        await this.#write(isSpecial ? 'set' : undefined);
        const start = now();
        // If the lock was lost before `start`, the store's timer for that is due before this pause ends.
        await this.#pause(pauseMs);
        end = this.#begin({ kind: 'release', start, isLost: task.isLost || signal.aborted });
        this.#task = undefined;
      },
      waitLimit,
    );
    const giveUp = async (error: unknown): Promise<void> => {
      const { code, reason } = Object(error);
      const hasEnded = error === waitLimit.signal?.reason || (code === 'STORE_BUSY' && reason !== lockLost);
      // If the process was stopped for longer than its timeout, a late answer looks like a server that does not answer.
      const isLate = waitLimit.timeout !== undefined && reason === 'unreachable';
      if (!hasEnded && !isLate) return this.#passCut(error);
      isRejected = true;
      end(gaveUp);
    };
    await running.then(() => end(), giveUp);
    // Gives others a chance if the lock is not passed on in turns.
    await this.#pause();
  }

  async #read(): Promise<void> {
    await this.#call({ kind: 'get' }, async () => {
      const found = await this.#store.get(this.#name);
      const token = found?.refreshToken;
      if (found && !isDeepStrictEqual({ ...found }, recordOf(token ?? ''))) {
        await fail('read a torn record: parts of two writes, or an incomplete one', this.#name);
      }
      this.#token = token;
      return token;
    });
  }

  async #write(kind = this.#drawWrite()): Promise<void> {
    const token = `${++count} by process ${process.pid}`;
    const previous = this.#token;
    if (kind === 'replace') {
      const replace = () => this.#store.replace(this.#name, previous, recordOf(token));
      await this.#call({ kind, previous, token }, replace);
    } else if (kind === 'set') {
      await this.#call({ kind, token }, () => this.#store.set(this.#name, recordOf(token)));
    } else {
      await this.#call({ kind }, () => this.#store.delete(this.#name));
    }
  }

  /** Options of a wait that is mostly too short if another caller holds the lock. */
  #drawWaitLimit(): ExclusivelyOptions {
    const timeout = Math.floor(10 * this.#random());
    return this.#random() < 0.5 ? { timeout } : { signal: AbortSignal.timeout(timeout) };
  }

  #drawWrite(): 'set' | 'replace' | 'delete' {
    const drawn = this.#random();
    return drawn < 0.5 ? 'replace' : drawn < 0.8 ? 'set' : 'delete';
  }

  async #call(call: Partial<Call>, make: () => unknown): Promise<void> {
    const end = this.#begin(call);
    try {
      end((await make()) as Result);
    } catch (error) {
      if (reasonOf(error) !== lockLost) return this.#passCut(error);
      if (this.#task) this.#task.isLost = true;
      end(lockLost);
    }
  }

  /** An unreachable store leaves it unknown whether the call has happened. Pauses, because too many such calls could not be judged. */
  readonly #passCut = async (error: unknown): Promise<void> => {
    if (!this.#run.isCut || reasonOf(error) !== 'unreachable') throw error;
    await delay(50);
  };

  /** Logs the start of the call. Returns a function that logs its answer. */
  #begin(call: Partial<Call>): (result?: Result) => void {
    const id = ++count;
    this.#left--;
    const write = (line: object): void => {
      writeSync(this.#log, `${JSON.stringify({ id, ...line })}\n`);
      this.#late.refresh();
    };
    write({ name: this.#name, task: this.#task?.id, start: now(), ...call });
    return (result) => write({ end: now(), result });
  }

  #pause(milliseconds = 5 * this.#random()): Promise<void> {
    return delay(milliseconds);
  }
}

/** Reports the problem to the parent, which ends all processes. */
async function fail(problem: string, name: string): Promise<void> {
  process.send?.({ problem: `process ${process.pid} ${problem}`, name });
  await new Promise(() => {});
}

function reasonOf(error: unknown): unknown {
  return (error as { reason?: unknown }).reason;
}
