import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type SqliteTokenStore, type TokenStoreError } from '../src/index.ts';
import { startProgram } from './start-program.ts';

const newPath = (): string => join(temporaryDirectory(), 'tokens.db');

/** Milliseconds until `changed` of this store resolves, counted from the end of `act`, in which a busy disk may take seconds. */
async function wakeUpTime(store: SqliteTokenStore, act: () => unknown): Promise<number> {
  const changed = store.changed('app', { timeout: 30_000 });
  await act();
  const started = performance.now();
  await changed;
  const waited = performance.now() - started;
  assert.ok(waited < 4_900, `nothing happened for ${waited} ms`);
  return waited;
}

test('a write by another program, and a new key, wake a waiter soon', async () => {
  const path = newPath();
  using store = openTokenStore(path);
  const program = new Database(path);
  store.set('app', { refreshToken: 'r1' });
  const acts: Record<string, () => unknown> = {
    'write by another program': () => program.exec("UPDATE token SET refresh_token = 'r2'"),
    'rekey by this store': () => store.rekey(new Uint8Array(32)),
  };
  for (const [what, act] of Object.entries(acts)) {
    const time = await wakeUpTime(store, act);
    assert.ok(time < 4_000, `${what}: ${time} ms`);
  }
  program.close();
});

test('a wait looks at the file no more often than every 40 ms', async () => {
  using store = openTokenStore(newPath());
  const { pragma } = Database.prototype;
  let looks = 0;
  Database.prototype.pragma = function (...args) {
    if (args[0] === 'busy_timeout = 0') looks++;
    return pragma.apply(this, args);
  };
  try {
    await store.changed('app', { timeout: 400 });
  } finally {
    Database.prototype.pragma = pragma;
  }
  // The call itself looks once, and the end of the wait looks once more.
  assert.ok(looks > 1 && looks <= 400 / 40 + 3, `${looks} looks`);
});

test('a wait never blocks while another process keeps the file locked', async () => {
  const path = newPath();
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'r1' });
  const timeToEnd = async (timeout: number): Promise<number> => {
    const started = performance.now();
    await store.changed('app', { timeout });
    return performance.now() - started;
  };
  // One wait begins before the lock, one under it.
  const first = timeToEnd(1_500);
  const program = startProgram('block', [path, 60_000]);
  assert.is(await program.line(), 'blocks');
  const before = performance.eventLoopUtilization();
  const [firstTime, secondTime] = await Promise.all([first, timeToEnd(400)]);
  const { active } = performance.eventLoopUtilization(before);
  assert.ok(firstTime > 1_498 && firstTime < 3_000, `it ended after ${firstTime} of 1,500 ms`);
  assert.ok(secondTime > 398 && secondTime < 2_000, `it ended after ${secondTime} of 400 ms`);
  // It includes the moments in which a busy machine ran other programs. A wait that blocked would take 1,500 ms.
  assert.ok(active < 750, `blocked for ${active} ms`);
  program.kill('SIGKILL');
  await program.ended;
  assert.equal(store.get('app'), { refreshToken: 'r1' });
});

test('a wait that began while another process wrote sees what it wrote', async () => {
  const path = newPath();
  using store = openTokenStore(path);
  const writer = new Database(path);
  writer.exec("BEGIN EXCLUSIVE; INSERT INTO token (app_name, refresh_token) VALUES ('app', 'r1')");
  await wakeUpTime(store, () => writer.exec('COMMIT'));
  writer.close();
  assert.equal(store.get('app'), { refreshToken: 'r1' });
});

test('after a wait for a change, calls still sleep while they wait for another process', async () => {
  const path = newPath();
  using store = openTokenStore(path);
  await store.changed('app', { timeout: 0 });
  const program = startProgram('block', [path, 600]);
  assert.is(await program.line(), 'blocks');
  const before = process.cpuUsage();
  store.set('app', { refreshToken: 'r1' });
  const { user, system } = process.cpuUsage(before);
  // It takes about 5 ms. A process that does not sleep gets more, also of a busy machine.
  assert.ok(user + system < 40_000, `${user + system} µs of processor time`);
  assert.is((await program.ended).code, 0);
});

test('close ends the wait with STORE_OPEN, at any moment', async () => {
  for (const delay of [0, 60]) {
    using store = openTokenStore(newPath());
    const changed = store.changed('app', { timeout: 5_000 }).then(
      () => assert.unreachable('it resolved'),
      (error: TokenStoreError) => error,
    );
    if (delay) await new Promise((resolve) => setTimeout(resolve, delay));
    store.close();
    const error = await changed;
    assert.equal([error?.code, error?.reason], ['STORE_OPEN', 'closed']);
  }
});

test('a file that is damaged meanwhile ends the wait', async () => {
  using store = openTokenStore(newPath());
  const changed = store.changed('app', { timeout: 30_000 }).catch((error: TokenStoreError) => error.reason);
  writeFileSync(store.path, Buffer.alloc(4_096, 'x'));
  assert.is(await changed, 'damaged');
});

test('an awaited wait keeps its process alive until it ends', async () => {
  const path = newPath();
  openTokenStore(path).close();
  const { output, code } = await startProgram('wait', [path, 300]).ended;
  assert.is(code, 0);
  assert.match(output, /^waits\nchanged \d/);
});

test('the lock of a task never aborts, not even when the store is closed', async () => {
  const store = openTokenStore(newPath());
  const aborted = await store.exclusively('app', async ({ signal }) => {
    store.close();
    await new Promise((resolve) => setImmediate(resolve));
    return signal.aborted;
  });
  assert.is(aborted, false);
});

test.run();
