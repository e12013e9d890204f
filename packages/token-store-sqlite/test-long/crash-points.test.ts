// Takes about 20 s.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { dueToday } from 'testing-authority/due-today';
import { isRoot, temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type TokenStoreError } from '../src/index.ts';
import { lockPathsOf } from '../src/lock/lock-paths.ts';
import { startProgram } from '../test/start-program.ts';

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: strace kills a process at a system call (apt-get install strace)');

const yama = '/proc/sys/kernel/yama/ptrace_scope';
/**
 * Whether strace may join a process that this test has started. It costs a third: strace stops a process at each of its calls, and the
 * start of Node has thousands. Linux lets other users than root trace only what strace has started itself, if Yama says so.
 */
const mayJoin = isRoot || !existsSync(yama) || readFileSync(yama, 'utf8').trim() === '0';

/** The system calls that change a file, or sync the change to the disk. */
const calls = ['mkdir', 'openat', 'fchmod', 'chmod', 'pwrite64', 'write', 'fsync', 'ftruncate', 'unlink', 'close'];
const [key, otherKey] = [Buffer.alloc(32, 'k'), Buffer.alloc(32, 'o')];
const names = Array.from({ length: 2 }, (_, index) => `app${index}`);
const recordOf = (name: string) => ({ refreshToken: `refresh of ${name}`, accessToken: 'x'.repeat(3_000) });

interface Scenario {
  /** Of `programs/once.ts`. */
  action: string;
  /** Default: the action. */
  what?: string;
  prepare(path: string): void;
  /** Checks what must be true after a kill at any point. It is the first to open the file then. */
  check(path: string): void;
  leastPoints: number;
}

function withRecords(path: string, options: { key?: Uint8Array }): void {
  using store = openTokenStore(path, options);
  for (const name of names) store.set(name, recordOf(name));
}

/** Exactly one of the keys opens the file, and every record is there. */
function checkOneOf(path: string, keys: (Uint8Array | undefined)[]): void {
  let opened = 0;
  for (const candidate of keys) {
    try {
      using store = openTokenStore(path, candidate ? { key: candidate } : {});
      for (const name of names) assert.equal(store.get(name), recordOf(name));
      // A journal that was incomplete at the kill stays until the next write, which has to succeed.
      store.set('app', recordOf('app'));
      store.delete('app');
      opened++;
    } catch (error) {
      if ((error as TokenStoreError).code !== 'STORE_KEY') throw error;
    }
  }
  assert.is(opened, 1);
}

const scenarios: Scenario[] = [
  {
    action: 'create',
    leastPoints: 30,
    prepare: () => {},
    check: (path) => {
      using store = openTokenStore(path);
      const found = store.get('app');
      assert.ok(found === undefined || found.refreshToken === 'new', JSON.stringify(found));
      store.set('app', { refreshToken: 'after' });
    },
  },
  {
    action: 'extend',
    what: 'open a file of the Python class',
    leastPoints: 30,
    prepare: (path) => {
      const database = new Database(path);
      database.exec('CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))');
      for (const name of names) database.prepare('INSERT INTO token VALUES (?, ?)').run(name, `refresh of ${name}`);
      database.close();
    },
    check: (path) => {
      // The original class may be the next program to open it.
      const database = new Database(path);
      const read = database.prepare('SELECT refresh_token FROM token WHERE app_name = ?').pluck();
      for (const name of names) assert.is(read.get(name), `refresh of ${name}`);
      database.close();
      using store = openTokenStore(path);
      for (const name of names) assert.equal(store.get(name), { refreshToken: `refresh of ${name}` });
      assert.ok(store.replace('app0', 'refresh of app0', recordOf('app0')));
    },
  },
  {
    action: 'encrypt',
    leastPoints: 30,
    prepare: (path) => withRecords(path, {}),
    check: (path) => checkOneOf(path, [undefined, key]),
  },
  {
    action: 'change the key',
    leastPoints: 30,
    prepare: (path) => withRecords(path, { key }),
    check: (path) => checkOneOf(path, [key, otherKey]),
  },
  {
    action: 'decrypt',
    leastPoints: 30,
    prepare: (path) => withRecords(path, { key }),
    check: (path) => checkOneOf(path, [key, undefined]),
  },
  {
    action: 'lock',
    leastPoints: 5,
    prepare: (path) => withRecords(path, {}),
    check: (path) => {
      using store = openTokenStore(path);
      for (const name of names) assert.equal(store.get(name), recordOf(name));
    },
  },
];

/** A new file to act on, and what of strace's options chooses the calls on it and on the files beside it. */
function prepared({ action, prepare }: Scenario): { directory: string; path: string; only: string[] } {
  const directory = join(temporaryDirectory(), 'new');
  const path = join(directory, 'tokens.db');
  if (action !== 'create') mkdirSync(directory);
  prepare(path);
  const { lock, holder } = lockPathsOf(path, 'app');
  const files = [directory, path, `${path}-journal`, lock, holder];
  return { directory, path, only: files.flatMap((name) => ['-P', name]) };
}

/** Runs the action under strace. Returns the signal that ended it. */
async function trace(action: string, path: string, options: string[]): Promise<string | null> {
  const args = [action, path, 'wait'];
  const program = startProgram('once', args, mayJoin ? [] : ['strace', '-f', ...options]);
  assert.is(await program.line(), 'ready');
  const joined = mayJoin && (await joinByStrace(program.pid, options));
  program.tell('go');
  const { signal, code } = await program.ended;
  if (joined) await joined.ended;
  if (signal === null) assert.is(code, 0);
  return signal;
}

/** Resolves when strace watches the process, also if it never will. */
async function joinByStrace(pid: number, options: string[]): Promise<{ ended: Promise<unknown> }> {
  const strace = spawn('strace', ['-f', '-p', `${pid}`, ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(strace, 'close');
  let said = '';
  const attached = new Promise<void>((resolve) => {
    strace.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes(' attached')) resolve();
    });
  });
  await Promise.race([attached, ended]);
  assert.match(said, ' attached');
  return { ended };
}

/** How often the action makes which of the calls, if it is left alone. */
async function countCalls(scenario: Scenario): Promise<Map<string, number>> {
  const { directory, path, only } = prepared(scenario);
  const log = join(dirname(directory), 'trace');
  assert.is(await trace(scenario.action, path, [...only, '-o', log, '-e', `trace=${calls}`]), null);
  scenario.check(path);
  const made = new Map<string, number>();
  for (const [, call = ''] of readFileSync(log, 'utf8').matchAll(/^\d+ +(\w+)\(/gm))
    made.set(call, (made.get(call) ?? 0) + 1);
  return made;
}

/** Kills the action at the nth of these calls on the files. False if it makes fewer. */
async function killAt(scenario: Scenario, call: string, n: number): Promise<boolean> {
  const { directory, path, only } = prepared(scenario);
  const inject = `inject=${call}:signal=SIGKILL:when=${n}`;
  const signal = await trace(scenario.action, path, [...only, '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject]);
  scenario.check(path);
  if (scenario.action === 'lock') {
    using store = openTokenStore(path);
    await store.exclusively('app', async () => {});
  }
  assert.equal(readdirSync(directory), ['tokens.db'], `after a kill at ${call} ${n}`);
  return signal === 'SIGKILL';
}

for (const scenario of scenarios) {
  const { action, what = action } = scenario;
  (canTrace ? test : test.skip)(
    `a kill at any system call of "${what}" is as if it was done completely, or not at all`,
    async () => {
      const made = await countCalls(scenario);
      const points = calls.flatMap((call) =>
        Array.from({ length: made.get(call) ?? 0 }, (_, index) => [call, index + 1] as const),
      );
      assert.ok(points.length >= scenario.leastPoints, `only ${points.length} points`);
      const queue = dueToday(points, 3);
      let kills = 0;
      // Two at a time: most of the time is the start of Node.
      const lane = async (): Promise<void> => {
        for (let next = queue.shift(); next; next = queue.shift()) if (await killAt(scenario, ...next)) kills++;
      };
      const due = queue.length;
      await Promise.all([lane(), lane()]);
      assert.is(kills, due);
    },
  );
}

test.run();
