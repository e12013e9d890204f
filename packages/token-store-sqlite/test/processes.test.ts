import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { least } from 'testing-authority/least';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectTokenStore, type SqliteTokenStore, type TokenStoreError } from '../src/index.ts';
import { busyBecauseOf, filesBeside, holder, isWaitedFor, neverRuns, newStore } from './lock-holders.ts';
import { startProgram } from './start-program.ts';

const posix = process.platform === 'win32' ? test.skip : test;

test('when the holder is killed, a waiter goes on within 100 ms and nothing is left behind', async () => {
  using store = newStore();
  const fastest = await least(100, 5, async () => {
    const program = await holder(store);
    let killed = 0;
    const turn = store.exclusively('app', async () => performance.now() - killed);
    await until(() => isWaitedFor(store));
    await delay(Math.random() * 50);
    killed = performance.now();
    program.kill('SIGKILL');
    const waited = await turn;
    assert.equal(filesBeside(store), ['tokens.db']);
    return waited;
  });
  assert.ok(fastest < 100, `it took ${fastest} ms`);
});

test('the names whose locks are held are those of all processes', async () => {
  using store = newStore();
  assert.equal(store.lockedNames(), []);
  const program = await holder(store, 'of another process');
  await store.exclusively('own', async () => {
    assert.equal(store.lockedNames().sort(), ['of another process', 'own']);
  });
  program.kill('SIGKILL');
  await program.ended;
  assert.equal(store.lockedNames(), ['of another process'], 'it cannot always be told that it has ended');
  await store.exclusively('of another process', async () => {});
  assert.equal(store.lockedNames(), []);
});

const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
const hasContainers =
  process.platform === 'linux' && spawnSync('unshare', [...container.slice(1), 'true']).status === 0;
if (!hasContainers) console.log('skipped: this user may make no namespace of process ids, as a container has');
const withContainer = hasContainers ? test : test.skip;

withContainer('a lock that a process in a container has acquired is told with its name', async () => {
  using store = newStore();
  const program = await holder(store, 'app', 30_000, container);
  assert.equal(store.lockedNames(), ['app']);
  assert.equal(
    inspectTokenStore(store.path).locks.map(({ name }) => name),
    ['app'],
  );
  const lockedNames = `const { openTokenStore } = await import(${JSON.stringify(import.meta.resolve('../src/index.ts'))});
    console.log(openTokenStore(${JSON.stringify(store.path)}).lockedNames().join());`;
  const [command = '', ...args] = [...container, process.execPath, '--input-type=module', '-e', lockedNames];
  assert.is(spawnSync(command, args, { encoding: 'utf8' }).stdout, 'app\n', 'in another container');
  const { message, pid } = await store.exclusively('app', neverRuns, { timeout: 0 }).catch((error) => error);
  assert.is(pid, undefined, 'of which the process id says nothing here');
  assert.match(message, 'another process holds the lock');
  program.kill('SIGKILL');
  await program.ended;
});

posix('two installed copies of this package and its driver, in one process, share the locks', async () => {
  const copy = temporaryDirectory();
  const driver = ['lib', 'prebuilds', 'package.json'].map((name) => join('better-sqlite3', name));
  const kit = ['dist', 'package.json'].map((name) => join('token-store-kit', name));
  for (const path of ['src', 'package.json', ...[...driver, ...kit].map((name) => join('node_modules', name))]) {
    cpSync(join(import.meta.dirname, '..', path), join(copy, path), { recursive: true });
  }
  const { openTokenStore: openByCopy } = await import(pathToFileURL(join(copy, 'src/index.ts')).href);
  using store = newStore();
  using other: SqliteTokenStore = openByCopy(store.path);
  const task = () => other.exclusively('app', neverRuns, { timeout: 0 });
  const { code } = await store.exclusively('app', task).catch((error) => error);
  assert.is(code, 'STORE_BUSY');
});

test('a process that acquires the lock again and again gives way to one that waits', async () => {
  using store = newStore();
  const greedy = startProgram('take-turns', [store.path, 1_000_000, 20_000]);
  await until(() => filesBeside(store).some((file) => file.endsWith('-holder')));
  const waits: number[] = [];
  for (let round = 0; round < 10; round++) {
    const asked = performance.now();
    await store.exclusively('app', async () => waits.push(performance.now() - asked));
  }
  greedy.kill('SIGKILL');
  assert.ok(Math.max(...waits) < 2_000, `${waits}`);
});

test('waiting leaves the event loop free', async () => {
  using store = newStore();
  const program = await holder(store);
  const busy = await least(250, 5, async () => {
    const before = performance.eventLoopUtilization();
    await store.exclusively('app', neverRuns, { timeout: 500 }).catch(busyBecauseOf(program));
    return performance.eventLoopUtilization(before).active;
  });
  assert.ok(busy < 250, `busy for ${busy} of 500 ms`);
  program.kill('SIGKILL');
});

posix('a link in place of a lock file is refused, and its target is not changed', async () => {
  using store = newStore();
  const names = await store.exclusively('app', async () => filesBeside(store).filter((name) => name !== 'tokens.db'));
  const target = join(temporaryDirectory(), 'precious');
  writeFileSync(target, 'precious');
  const [lock = '', holderFile = ''] = names.sort().map((name) => join(store.path, '..', name));
  symlinkSync(target, holderFile);
  assert.is(await store.exclusively('app', async () => 'ran'), 'ran');
  symlinkSync(target, lock);
  const error: TokenStoreError = await store.exclusively('app', neverRuns).catch((error) => error);
  assert.is(error.code, 'STORE_OPEN');
  assert.is(readFileSync(target, 'utf8'), 'precious');
});

test.run();
