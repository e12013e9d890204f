import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { ExclusivelyOptions, TokenStore } from '../token-store.ts';
import { type Call, gaveUp, lockLost, now, type Result, type Run, randomFrom, recordOf } from './call.ts';

/** Numbers all calls, tasks and tokens of this process. */
let count = 0;

/** Makes the calls of this process for one name, one after the other, and logs them. */
export async function makeCalls(
  store: TokenStore,
  run: Run,
  { name, index, log }: { name: string; index: number; log: number },
): Promise<void> {
  const random = randomFrom(run.seed + index);
  let left = run.calls;
  /** The special task begins when so many calls are left. */
  let specialAt = index === 0 && run.taskMs !== undefined ? run.calls * (0.3 + random() / 2) : 0;
  /** The token that was read last. */
  let token: string | undefined;
  /** The task that runs. `isLost`: a call has reported that the lock was lost. */
  let task: { readonly id: string; isLost: boolean } | undefined;
  /** Fails the case if no line is logged for `limitMs`. */
  const late = setTimeout(() => fail(`has waited for ${run.limitMs} ms`, name), run.limitMs);

  /** Logs the start of the call. Returns a function that logs its answer. */
  const begin = (call: Partial<Call>): ((result?: Result) => void) => {
    const id = ++count;
    left--;
    const write = (line: object): void => {
      writeSync(log, `${JSON.stringify({ id, ...line })}\n`);
      late.refresh();
    };
    write({ name, task: task?.id, start: now(), ...call });
    return (result) => write({ end: now(), result });
  };

  /** An unreachable store leaves it unknown whether the call has happened. Pauses, because too many such calls could not be judged. */
  const passCut = async (error: unknown): Promise<void> => {
    if (!run.isCut || reasonOf(error) !== 'unreachable') throw error;
    await delay(50);
  };

  const makeCall = async (call: Partial<Call>, make: () => unknown): Promise<void> => {
    const end = begin(call);
    try {
      end((await make()) as Result);
    } catch (error) {
      if (reasonOf(error) !== lockLost) return passCut(error);
      if (task) task.isLost = true;
      end(lockLost);
    }
  };

  const read = (): Promise<void> =>
    makeCall({ kind: 'get' }, async () => {
      const found = await store.get(name);
      token = found?.refreshToken;
      if (found && !isDeepStrictEqual({ ...found }, recordOf(token ?? ''))) {
        await fail('read a torn record: parts of two writes, or an incomplete one', name);
      }
      return token;
    });

  const drawWrite = (): 'set' | 'replace' | 'delete' => {
    const drawn = random();
    return drawn < 0.5 ? 'replace' : drawn < 0.8 ? 'set' : 'delete';
  };

  const write = async (kind = drawWrite()): Promise<void> => {
    const next = `${++count} by process ${process.pid}`;
    const previous = token;
    if (kind === 'replace') {
      await makeCall({ kind, previous, token: next }, () => store.replace(name, previous, recordOf(next)));
    } else if (kind === 'set') {
      await makeCall({ kind, token: next }, () => store.set(name, recordOf(next)));
    } else {
      await makeCall({ kind }, () => store.delete(name));
    }
  };

  /** Options of a wait that is mostly too short if another caller holds the lock. */
  const drawWaitLimit = (): ExclusivelyOptions => {
    const timeout = Math.floor(10 * random());
    return random() < 0.5 ? { timeout } : { signal: AbortSignal.timeout(timeout) };
  };

  const pause = (milliseconds = 5 * random()): Promise<void> => delay(milliseconds);

  const runTask = async (isSpecial: boolean): Promise<void> => {
    const own = { id: `${process.pid}/${++count}`, isLost: false };
    const pauseMs = isSpecial ? (run.taskMs ?? 0) / 2 : undefined;
    let end = begin({ kind: 'acquire', task: own.id });
    let isRejected = false;
    const waitLimit = isSpecial || random() < 0.7 ? {} : drawWaitLimit();
    const running = store.exclusively(
      name,
      async ({ signal }) => {
        if (isRejected || waitLimit.signal?.aborted) await fail('ran a task after it had ended the wait for it', name);
        end();
        if (isSpecial) {
          specialAt = 0;
          process.send?.('special');
        }
        task = own;
        await read();
        await pause(pauseMs);
        // If the lock is lost meanwhile, most `replace` calls would be refused by their comparison alone.
        await write(isSpecial ? 'set' : undefined);
        const start = now();
        // If the lock was lost before `start`, the store's timer for that is due before this pause ends.
        await pause(pauseMs);
        end = begin({ kind: 'release', start, isLost: own.isLost || signal.aborted });
        task = undefined;
      },
      waitLimit,
    );
    const giveUp = async (error: unknown): Promise<void> => {
      const { code, reason } = Object(error);
      const hasEnded = error === waitLimit.signal?.reason || (code === 'STORE_BUSY' && reason !== lockLost);
      // If the process was stopped for longer than its timeout, a late answer looks like a server that does not answer.
      const isLate = waitLimit.timeout !== undefined && reason === 'unreachable';
      if (!hasEnded && !isLate) return passCut(error);
      isRejected = true;
      end(gaveUp);
    };
    await running.then(() => end(), giveUp);
    // Gives others a chance if the lock is not passed on in turns.
    await pause();
  };

  try {
    while (left > 0) {
      const isSpecial = left <= specialAt;
      const drawn = random();
      if (isSpecial || drawn < 0.2) await runTask(isSpecial);
      else if (drawn < 0.4) await write();
      else await read();
    }
  } catch (error) {
    await fail(`could not go on, because the store has failed: ${inspect(error)}`, name);
  } finally {
    clearTimeout(late);
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
