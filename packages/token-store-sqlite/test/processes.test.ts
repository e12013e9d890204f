import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type SqliteTokenStore, type TokenStoreError } from '../src/index.ts';
import { type Program, startProgram } from './start-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const posix = process.platform === 'win32' ? test.skip : test;

function newStore(): SqliteTokenStore {
  return openTokenStore(join(temporaryDirectory(), 'tokens.db'));
}

/** A process that has the lock of `name`. */
async function holder(store: SqliteTokenStore, name = 'app', milliseconds = 30_000): Promise<Program> {
  const program = startProgram('hold', [store.path, name, milliseconds]);
  assert.is(await program.line(), 'asks');
  assert.is(await program.line(), 'holds');
  return program;
}

/** A process that waits for the lock of `name` in the line. */
async function waiter(store: SqliteTokenStore, milliseconds = 0, timeout = 30_000): Promise<Program> {
  const program = startProgram('hold', [store.path, 'app', milliseconds, timeout]);
  assert.is(await program.line(), 'asks');
  await until(() => queueOf(store).includes(`wait ${program.pid}-`));
  return program;
}

function queueFile(store: SqliteTokenStore): string | undefined {
  const directory = join(store.path, '..');
  const name = readdirSync(directory).find((file) => file.endsWith('-queue'));
  return name && join(directory, name);
}

function queueOf(store: SqliteTokenStore): string {
  const file = queueFile(store);
  return file ? readFileSync(file, 'utf8') : '';
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !condition(); await delay(2)) {
    assert.ok(performance.now() < end, `waited 10 s until ${condition}`);
  }
}

const filesBeside = (store: SqliteTokenStore): string[] => readdirSync(join(store.path, '..'));
const busyBecauseOf =
  (program: Program) =>
  (error: TokenStoreError): void => {
    assert.is(error.code, 'STORE_BUSY');
    assert.is(error.pid, program.pid);
    assert.match(error.message, `process ${program.pid} is working with the tokens of "app"`);
  };
const neverRuns = (): Promise<never> => Promise.reject(new Error('the task ran'));

test('when the holder is killed, a waiter goes on within 100 ms and nothing is left behind', async () => {
  using store = newStore();
  const delays: number[] = [];
  for (let round = 0; round < 5; round++) {
    const program = await holder(store);
    let killed = 0;
    const turn = store.exclusively('app', async () => performance.now() - killed);
    await until(() => queueOf(store).includes(`wait ${process.pid}-`));
    await delay(Math.random() * 50);
    killed = performance.now();
    program.kill('SIGKILL');
    delays.push(await turn);
    assert.equal(filesBeside(store), ['tokens.db']);
  }
  // The median, because the machine may be busy with something else for once.
  assert.ok((delays.sort((a, b) => a - b)[2] ?? Infinity) < 100, `${delays}`);
});

posix('while the holder is stopped, waiters end with STORE_BUSY that names it, and never run', async () => {
  using store = newStore();
  const program = await holder(store, 'app', 100);
  program.kill('SIGSTOP');
  const started = performance.now();
  const outcomes = [300, 200, 0].map((timeout) =>
    store.exclusively('app', neverRuns, { timeout }).catch(busyBecauseOf(program)),
  );
  await Promise.all(outcomes);
  const waited = performance.now() - started;
  assert.ok(waited > 290 && waited < 3_000, `waited ${waited} ms`);
  program.kill('SIGCONT');
  assert.is(await program.line(), 'done');
  assert.is(await store.exclusively('app', async () => 'free'), 'free');
  assert.equal(filesBeside(store), ['tokens.db']);
});

test('processes are served in the order in which they came', async () => {
  using store = newStore();
  const first = await holder(store);
  const waiters: Program[] = [];
  for (let index = 0; index < 4; index++) waiters.push(await waiter(store, 30));
  const order: number[] = [];
  const served = waiters.map(async (program, index) => {
    assert.is(await program.line(), 'holds');
    order.push(index);
    assert.is(await program.line(), 'done');
  });
  first.kill('SIGKILL');
  await Promise.all(served);
  assert.equal(order, [0, 1, 2, 3]);
});

test('a process that takes the lock again and again gives way to one that waits', async () => {
  using store = newStore();
  const greedy = startProgram('take-turns', [store.path, 1_000_000, 20_000]);
  await until(() => queueOf(store).includes('hold'));
  const waits: number[] = [];
  for (let round = 0; round < 10; round++) {
    const asked = performance.now();
    await store.exclusively('app', async () => waits.push(performance.now() - asked));
  }
  greedy.kill('SIGKILL');
  assert.ok(Math.max(...waits) < 2_000, `${waits}`);
});

posix('a waiter that is killed or stopped does not keep the others waiting', async () => {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    using store = newStore();
    const first = await holder(store);
    const gone = await waiter(store);
    const turn = store.exclusively('app', async () => performance.now());
    await until(() => queueOf(store).includes(`wait ${process.pid}-`));
    gone.kill(signal);
    const released = performance.now();
    first.kill('SIGKILL');
    const waited = (await turn) - released;
    assert.ok(waited < 2_000, `${signal}: ${waited} ms`);
    gone.kill('SIGKILL');
    await gone.ended;
    await store.exclusively('app', async () => {});
    assert.equal(filesBeside(store), ['tokens.db']);
  }
});

test('a waiter that gives up leaves the line', async () => {
  using store = newStore();
  const first = await holder(store);
  const impatient = await waiter(store, 0, 100);
  assert.is(await impatient.line(), `STORE_BUSY ${first.pid}`);
  const controller = new AbortController();
  const aborted = store.exclusively('app', neverRuns, { signal: controller.signal });
  await until(() => queueOf(store).includes(`wait ${process.pid}-`));
  controller.abort('enough');
  assert.is(await aborted.catch((reason: unknown) => reason), 'enough');
  for (const line of queueOf(store).matchAll(/^wait (\S+)/gm)) assert.match(queueOf(store), `done ${line[1]}`);
  first.kill('SIGKILL');
});

test('waiting leaves the event loop free', async () => {
  using store = newStore();
  const program = await holder(store);
  const before = performance.eventLoopUtilization();
  await store.exclusively('app', neverRuns, { timeout: 500 }).catch(busyBecauseOf(program));
  const { active } = performance.eventLoopUtilization(before);
  assert.ok(active < 250, `busy for ${active} of 500 ms`);
  program.kill('SIGKILL');
});

test('other names do not wait, in other processes either', async () => {
  using store = newStore();
  const program = await holder(store, 'app');
  assert.is(await store.exclusively('other', async () => 'ran', { timeout: 0 }), 'ran');
  const other = await holder(store, 'third', 0);
  assert.is(await other.line(), 'done');
  program.kill('SIGKILL');
});

test('a database that is reached through a link has the same locks', async () => {
  using store = newStore();
  const link = join(temporaryDirectory(), 'link.db');
  symlinkSync(store.path, link);
  using same = openTokenStore(link);
  const program = await holder(store);
  busyBecauseOf(program)(await same.exclusively('app', neverRuns, { timeout: 0 }).catch((error) => error));
  program.kill('SIGKILL');
});

test('eight processes that take the lock at every opportunity are never inside together', async () => {
  using store = newStore();
  const programs = Array.from({ length: 8 }, () => startProgram('take-turns', [store.path, 25, 30_000]));
  for (const program of programs) {
    const { output } = await program.ended;
    assert.is(JSON.parse(output).length, 25);
  }
  assert.equal(filesBeside(store).sort(), ['tokens.db', 'tokens.db.turns']);
});

test('threads of one process are never inside together', async () => {
  using store = newStore();
  const inside = new SharedArrayBuffer(8);
  const file = new URL('programs/thread.ts', import.meta.url);
  const workers = Array.from(
    { length: 3 },
    () => new Worker(file, { workerData: { path: store.path, rounds: 20, inside } }),
  );
  await Promise.all(
    workers.map((worker) => new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))),
  );
  assert.is(new Int32Array(inside)[1], 60);
  assert.equal(filesBeside(store), ['tokens.db']);
});

test('a line that is lost or garbled costs nobody the lock', async () => {
  for (const harm of [
    (file: string) => rmSync(file),
    (file: string) => writeFileSync(file, '\0\xff garbage\nwait\nhold x y\ndone\nwait a -1 9e99\nwait b NaN x\n'),
    (file: string) => appendFileSync(file, 'wait 1'),
  ]) {
    using store = newStore();
    const program = await holder(store);
    const turn = store.exclusively('app', async () => 'my turn');
    await until(() => queueOf(store).includes(`wait ${process.pid}-`));
    harm(queueFile(store) ?? '');
    await delay(50);
    program.kill('SIGKILL');
    assert.is(await turn, 'my turn');
    assert.equal(filesBeside(store), ['tokens.db']);
  }
});

test('callers of one process take turns in order even where the line cannot be written', async () => {
  using store = newStore();
  const name = await store.exclusively('app', async () => filesBeside(store).find((file) => file.endsWith('-queue')));
  mkdirSync(join(store.path, '..', String(name)));
  const order: number[] = [];
  const tasks = Array.from({ length: 10 }, (_, index) =>
    store.exclusively('app', async () => {
      await delay(1);
      order.push(index);
    }),
  );
  await Promise.all(tasks);
  assert.equal(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a line that has grown long is written anew', async () => {
  using store = newStore();
  const program = await holder(store);
  const turn = store.exclusively('app', async () => queueOf(store));
  await until(() => queueOf(store).includes(`wait ${process.pid}-`));
  const padding = Array.from({ length: 2_000 }, (_, index) => `wait gone-${index} 1 5\ndone gone-${index}\n`).join('');
  appendFileSync(queueFile(store) ?? '', padding);
  program.kill('SIGKILL');
  const queue = await turn;
  assert.ok(queue.length < 1_000, `${queue.length} bytes`);
  assert.match(queue, `hold ${process.pid}-`);
});

posix('a link in the place of a lock file is refused, and what it points to is left alone', async () => {
  using store = newStore();
  const names = await store.exclusively('app', async () => filesBeside(store).filter((name) => name !== 'tokens.db'));
  const target = join(temporaryDirectory(), 'precious');
  writeFileSync(target, 'precious');
  const [lock = '', queue = ''] = names.sort().map((name) => join(store.path, '..', name));
  symlinkSync(target, queue);
  assert.is(await store.exclusively('app', async () => 'ran'), 'ran');
  symlinkSync(target, lock);
  const error: TokenStoreError = await store.exclusively('app', neverRuns).catch((error) => error);
  assert.is(error.code, 'STORE_OPEN');
  assert.is(readFileSync(target, 'utf8'), 'precious');
});

test.run();
