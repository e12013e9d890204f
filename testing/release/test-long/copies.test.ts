// Takes about 5 s.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { openFileTokenStore } from 'token-store-file';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { byEsbuild } from '../src/bundlers.ts';

type Copy = typeof import('../runtimes/programs/copy.ts');

const folder = mkdtempSync(join(tmpdir(), 'copies-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const programs = join(import.meta.dirname, '../runtimes/programs');
const bundle = await byEsbuild('esm', join(programs, 'copy.ts'), folder);
mkdirSync(join(folder, 'node_modules'));
const native = resolve(import.meta.dirname, '../../../packages/token-store-sqlite/node_modules/better-sqlite3');
symlinkSync(native, join(folder, 'node_modules/better-sqlite3'));
const load = (query: string): Promise<Copy> => import(`${pathToFileURL(bundle)}?${query}`);
/** The same modules twice. The two copies share only the process. */
const copies = [await load('first'), await load('second')] as const;

for (const [what, open] of [
  ['token-store-file', (copy: Copy, path: string) => copy.openFileTokenStore(path)],
  ['token-store-sqlite', (copy: Copy, path: string) => copy.openTokenStore(path)],
] as const) {
  const openBoth = (name: string) => copies.map((copy) => open(copy, join(folder, `${what}-${name}`)));

  test(`${what}, loaded twice in one process: ten callers of the two make one refresh`, async () => {
    const stores = openBoth('refresh');
    await stores[0]?.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 1 });
    let refreshes = 0;
    const refresh = async () => {
      const number = ++refreshes;
      await delay(50);
      return { access_token: `token-${number}`, refresh_token: `refresh-${number}`, expires_in: 3600 };
    };
    const shared = stores.map((store, index) => {
      const { SharedToken } = copies[index] as Copy;
      return new SharedToken({ store, name: 'app', refresh });
    });
    const callers = Array.from({ length: 5 }, () => shared.map((each) => each.getToken())).flat();
    const tokens = await Promise.all(callers);
    assert.equal(new Set(tokens.map(({ accessToken }) => accessToken)), new Set(['token-1']));
    assert.is(refreshes, 1);
    for (const each of [...shared, ...stores]) await each.close();
  });

  test(`${what}, loaded twice: tasks run one at a time, those of a copy in their order, and no copy waits for all of the other`, async () => {
    const stores = openBoth('order');
    const order: string[] = [];
    let running = 0;
    const tasks = stores.flatMap((store, copy) =>
      Array.from({ length: 10 }, (_, number) =>
        store.exclusively('app', async () => {
          assert.is(++running, 1, 'two tasks at once');
          order.push(`${copy} ${number}`);
          await delay(2);
          running--;
        }),
      ),
    );
    await Promise.all(tasks);
    for (const copy of [0, 1]) {
      const own = order.filter((each) => each.startsWith(`${copy} `));
      assert.equal(
        own,
        Array.from({ length: 10 }, (_, number) => `${copy} ${number}`),
      );
    }
    assert.ok(order.findIndex((each) => each.startsWith('1 ')) < 10, order.join());
    for (const store of stores) store.close();
  });

  test(`${what}, loaded twice: a task that asks the other copy for its own lock gets STORE_BUSY of this process, in time`, async () => {
    const stores = openBoth('again');
    const task = () => stores[1]?.exclusively('app', async () => {}, { timeout: 200 });
    const error = await stores[0]?.exclusively('app', async () => task()).catch((reason) => reason);
    assert.equal([error?.code, error?.reason, error?.pid], ['STORE_BUSY', 'lock-held', process.pid]);
    // Nothing of the failed lock is left.
    await stores[1]?.exclusively('app', async () => {}, { timeout: 200 });
    for (const store of stores) store.close();
  });
}

/** Starts threads that get a token from the file. `refreshes` counts how often they refresh. */
function startThreads(count: number, path: string, hangs: boolean): { threads: Worker[]; refreshes: Int32Array } {
  const refreshes = new SharedArrayBuffer(4);
  const workerData = { path, refreshes, hangs };
  const start = () => new Worker(join(programs, 'thread.ts'), { workerData, execArgv: [] });
  return { threads: Array.from({ length: count }, start), refreshes: new Int32Array(refreshes) };
}

test('four threads make one refresh', async () => {
  const path = join(folder, 'threads.json');
  await openFileTokenStore(path).set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 1 });
  const { threads, refreshes } = startThreads(4, path, false);
  const signal = AbortSignal.timeout(30_000);
  const said = threads.map((thread) => {
    const messages: string[] = [];
    thread.on('message', (message) => messages.push(message));
    return once(thread, 'exit', { signal }).then(() => messages.at(-1));
  });
  assert.equal(await Promise.all(said), ['token-1', 'token-1', 'token-1', 'token-1']);
  assert.is(refreshes[0], 1);
});

test('a thread that is terminated while it refreshes releases the lock at once', async () => {
  const path = join(folder, 'terminated.json');
  using store = openFileTokenStore(path);
  await store.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 1 });
  const { threads } = startThreads(1, path, true);
  await once(threads[0] as Worker, 'message', { signal: AbortSignal.timeout(30_000) });
  const busy = await store.exclusively('app', async () => {}, { timeout: 0 }).catch(({ code }) => code);
  assert.is(busy, 'STORE_BUSY');
  const released = store.exclusively('app', async () => performance.now(), { timeout: 10_000 });
  const terminated = performance.now();
  await threads[0]?.terminate();
  const waited = (await released) - terminated;
  assert.ok(waited < 1_000, `it took ${waited} ms`);
});

test.run();
