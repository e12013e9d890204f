// Takes about 15 s.
/**
 * The lock, step by step: real processes stand still before each call to the system or to SQLite, and a seed draws which one goes on, which
 * one is killed, and which one stands still until all others are done.
 */
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dueToday } from 'testing-authority/due-today';
import { killPrograms, type Program, startProgram } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
const orders = Number(process.env.ORDERS ?? 60);
const source = join(import.meta.dirname, '../src');
const program = new URL('programs/stepped.ts', import.meta.url);
/** In memory, if there is such a folder: a lock needs no disk. */
const folder = existsSync('/dev/shm') ? '/dev/shm' : undefined;
/** Of one order: many times as many as any needs. */
const maxSteps = 5_000;

/** The orders of its seed show each defect within so many. Another seed may need three times as many. */
const within = 60;
/** Wrong locks: a line of the source, and what stands in its place. */
const defects: Record<string, { file: string; from: string; to: string; says?: RegExp; seed?: number }> = {
  'counts a lock on a file that has lost its name': {
    file: 'lock-file.ts',
    from: 'if (this.#identify() === this.#opened) return true;',
    to: 'return true;',
  },
  'frees the lock before it removes the file': {
    file: 'lock-file.ts',
    from: "if (process.platform === 'win32') this.close();",
    to: 'this.close();',
    seed: 23,
  },
  'removes the file of a lock that another one has, when it gives up': {
    file: 'run-exclusively.ts',
    from: 'if (isNext && isFree(lock)) lock.remove();',
    to: 'if (isNext) lock.remove();',
  },
  'never overtakes the next one, which stands still': {
    file: 'run-exclusively.ts',
    from: 'now - tried > overtakeIntervalMs',
    to: 'false',
    says: /^a waiter never gets in/,
    seed: 6,
  },
  'takes a file that another one has just removed for a failure': {
    file: 'lock-file.ts',
    from: 'if (!isGone) throw',
    to: 'throw',
    says: /^the store has failed/,
  },
};

interface Member {
  readonly program: Program;
  /** The step that it is about to take. */
  at: string;
}

async function start(from: string, path: string): Promise<Member> {
  const started = startProgram(program, [pathToFileURL(from).href, path]);
  return { program: started, at: (await started.line()) ?? 'ended' };
}

function randomFrom(seed: number): (below: number) => number {
  let drawn = seed;
  return (below) => {
    drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((drawn / 2 ** 32) * below);
  };
}

/** Chooses who goes on: in some orders mostly the same one, and in some one that seldom begins a task while others have one. */
function drawChoice(random: (below: number) => number): (able: readonly Member[]) => Member | undefined {
  const rests: Record<string, number> = { idle: [1, 10, 40][random(3)] as number, wait: 3 };
  const burst = [2, 4, 8][random(3)] as number;
  let last: Member | undefined;
  return (able) => {
    const busy = able.filter((member) => random(rests[member.at] ?? 1) === 0);
    const choice = busy.length > 0 ? busy : able;
    if (!last || !choice.includes(last) || random(burst) === 0) last = choice[random(choice.length)];
    return last;
  };
}

/** What no lock may let happen, with the order that shows it; or undefined after so many orders. */
async function findViolation(
  from: string,
  count: number,
  seed: number,
): Promise<{ found?: string; order: number; steps: number }> {
  const path = join(temporaryDirectory(folder), 'tokens.db');
  const random = randomFrom(seed);
  using store = openTokenStore(path);
  const members = await Promise.all([1, 2, 3].map(() => start(from, path)));
  let [written, steps] = [0, 0];
  const log: string[] = [];

  /** Six tasks. */
  const runOrder = async (): Promise<string | undefined> => {
    const inTask = new Set<Member>();
    const killAt = random(6) === 0 ? random(120) : -1;
    const mayStop = random(2) === 0;
    const choose = drawChoice(random);
    let [left, made, stoppedUntil] = [6, 0, 0];
    let stopped: Member | undefined;
    for (;;) {
      if (made >= stoppedUntil) stopped = undefined;
      const able = members.filter((member) => member !== stopped && (member.at !== 'idle' || left > 0));
      const member = choose(able);
      if (!member && !stopped) break;
      if (!member) {
        stoppedUntil = 0;
        continue;
      }
      if (++made > maxSteps) return 'a waiter never gets in';
      if (made === killAt) {
        log.push(`${member.program.pid} is killed before: ${member.at}`);
        member.program.kill();
        await member.program.ended;
        inTask.delete(member);
        members[members.indexOf(member)] = await start(from, path);
        continue;
      }
      if (mayStop && !stopped && random(12) === 0) {
        stopped = member;
        // Who waits has no lock, so the others can do all that is left. It may be the next to have the lock.
        stoppedUntil = member.at === 'wait' ? Number.POSITIVE_INFINITY : made + random(150);
        continue;
      }
      log.push(`${member.program.pid} goes on: ${member.at}`);
      let timeout = '';
      if (member.at === 'idle') {
        left--;
        timeout = random(2) === 0 ? '30' : '1e9';
      }
      if (member.at === 'busy') timeout = '1e9';
      if (member.at === 'end') inTask.delete(member);
      member.program.tell(timeout);
      member.at = (await member.program.line()) ?? 'ended';
      if (member.at === 'begin' && inTask.add(member).size > 1) return 'two hold the lock';
      if (member.at === 'end') written++;
      if (member.at.startsWith('failed')) return `the store has failed: ${member.at}`;
    }
    steps += made;
    const stored = Number(store.get('app')?.refreshToken ?? 0);
    if (stored !== written) return `an update was lost: ${stored} of ${written} were stored`;
    return undefined;
  };

  try {
    for (let order = 1; order <= count; order++) {
      log.length = 0;
      const found = await runOrder();
      if (found)
        return { found: `${found}\nSEED=${seed}, order ${order}:\n${log.slice(-40).join('\n')}`, order, steps };
    }
    return { order: count, steps };
  } finally {
    killPrograms();
    await Promise.all(members.map(({ program }) => program.ended));
  }
}

test('in no drawn order of steps two hold the lock, an update is lost, or a waiter never gets in', async () => {
  const { found, steps } = await findViolation(source, orders, seed);
  assert.is(found, undefined, found);
  console.log(`measured: ${orders} orders with ${steps} steps, SEED=${seed}`);
});

for (const [name, { file, from, to, says = /^two hold the lock/, seed = 3 }] of dueToday(Object.entries(defects), 3)) {
  test(`a lock that ${name} is found within ${within} orders`, async () => {
    const copy = temporaryDirectory();
    cpSync(source, join(copy, 'src'), { recursive: true });
    cpSync(join(source, '../package.json'), join(copy, 'package.json'));
    symlinkSync(join(source, '../node_modules'), join(copy, 'node_modules'));
    const text = readFileSync(join(source, 'lock', file), 'utf8');
    assert.is(text.split(from).length, 2, `${file} has not once: ${from}`);
    writeFileSync(join(copy, 'src/lock', file), text.replace(from, to));
    const { found = '', order } = await findViolation(join(copy, 'src'), within, seed);
    assert.match(found, says);
    console.log(`measured: a lock that ${name} was found in order ${order}`);
  });
}

test.run();
