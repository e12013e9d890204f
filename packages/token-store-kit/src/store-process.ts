/**
 * A process of `storeProcessContract`, started as `store-process.js MODULE PLACE`. It takes turns until its parent says that it has had the
 * last one. A turn is a task of `exclusively` that reads a record, adds one, and writes it. The parent hears of each step. The first and the
 * last one wait for its answer, so the task still runs when the parent hears of them, whatever the store does.
 */
import { once } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { MaybePromise, TokenStore } from './index.ts';
import { type Outcome, type Plan, recordOf, type Step, tokenAfter } from './process-cases/turn.ts';

const [module = '', place = ''] = process.argv.slice(2);
// Its parent has ended.
process.once('disconnect', () => process.exit());

const { open, close }: { open(place: string): MaybePromise<TokenStore>; close?(store: TokenStore): unknown } =
  await import(module);
const store = await open(place);
const name = 'app';
await ask({ step: 'ready' });
for (let isLast = false; !isLast; ) {
  await swap();
  await store.exclusively(name, async ({ signal }) => {
    const plan = (await ask({ step: 'begin' })) as Plan;
    try {
      const outcome = await readAndWrite(plan);
      await setTimeout(plan.pauseMs);
      // If the lock was lost meanwhile, the store's timer that says so is due.
      await setImmediate();
      isLast = (await ask({ step: 'end', isLost: signal.aborted || outcome === 'lock-lost' })) as boolean;
    } catch (error) {
      // While it has the lock: another process would begin before the end of this one is known.
      await ask({ step: 'fail', problem: inspect(error) });
    }
  });
  // So that a lock without turns goes to others as well.
  await setTimeout(2);
}
await close?.(store);
process.exit();

/** Without a lock, as all others do at the same time. */
async function swap(): Promise<void> {
  const { token, isWhole } = await read('free for all');
  const isWritten = await store.replace('free for all', token, recordOf(tokenAfter(token, process.pid)));
  tell({ step: 'swap', token, isWhole, isWritten });
}

async function read(name: string) {
  const found = await store.get(name);
  const token = found?.refreshToken;
  return { token, isWhole: !found || isDeepStrictEqual({ ...found }, recordOf(token ?? '')) };
}

async function readAndWrite({ by, pauseMs }: Plan): Promise<Outcome> {
  const { token, isWhole } = await read(name);
  tell({ step: 'read', token, isWhole });
  await setTimeout(pauseMs);
  const outcome = await write(by, token);
  tell({ step: 'write', outcome });
  return outcome;
}

async function write(by: Plan['by'], previous: string | undefined): Promise<Outcome> {
  const record = recordOf(tokenAfter(previous, process.pid));
  try {
    if (by === 'replace') return (await store.replace(name, previous, record)) ? 'written' : 'refused';
    await store.set(name, record);
    return 'written';
  } catch (error) {
    if ((error as { reason?: unknown }).reason === 'lock-lost') return 'lock-lost';
    throw error;
  }
}

function tell(step: Step): void {
  process.send?.(step);
}

async function ask(step: Step): Promise<unknown> {
  const answered = once(process, 'message');
  tell(step);
  const [answer] = await answered;
  return answer;
}
