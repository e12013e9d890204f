// Takes about 10 s.
import { SharedToken } from 'shared-token';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { Database } from '../src/connection/database.ts';
import { rowReader } from '../src/records/row-reader.ts';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();

async function openFarAway(delayMs: number) {
  const proxy = await scene.proxy();
  const store = await scene.open({ connectionString: scene.cluster.connectionString({ port: proxy.port }) });
  proxy.delayMs = delayMs;
  return store;
}

const record = { refreshToken: 'first', accessToken: 'access', expiresAt: Date.now() + 3_600_000 };
const failuresOf = (results: PromiseSettledResult<unknown>[]): string[] =>
  results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));

// With a statement for each, they would take longer than a call may.
for (const [count, what] of [
  [600, 'get'],
  [1_000, 'getToken'],
] as const) {
  test(`${count} ${what}() at once over 80 ms succeed: to wait for a connection is not to connect`, async () => {
    const store = await openFarAway(40);
    const names = Array.from({ length: count }, (_, index) => `app ${index % 600}`);
    await store.set('app 0', record);
    const calls = names.map(async (name) => {
      if (what === 'get') return store.get(name);
      const token = new SharedToken({
        store,
        name: 'app 0',
        refresh: () => assert.unreachable('it refreshed') as never,
      });
      return token.getToken();
    });
    const started = performance.now();
    const failures = failuresOf(await within('the calls', Promise.allSettled(calls), 60_000));
    console.log(`\nmeasured: ${count} ${what}() over 80 ms: ${Math.round(performance.now() - started)} ms`);
    assert.equal([failures.length, failures[0]], [0, undefined]);
  });
}

test('many first writes at once wait for their passphrase once', async () => {
  const store = await scene.open({ key: 'a passphrase' });
  const writes = Array.from({ length: 60 }, (_, index) => store.set(`app ${index}`, record));
  assert.equal(failuresOf(await within('the writes', Promise.allSettled(writes), 60_000)), []);
});

test('a statement reads no more names than an answer can bring in time', async () => {
  const counts: number[] = [];
  const read = async (_: string, values: () => [string[]]) => {
    await new Promise(setImmediate);
    counts.push(values()[0].length);
    return [];
  };
  const readRow = rowReader({ read } as unknown as Database, '');
  await Promise.all(Array.from({ length: 1_001 }, (_, index) => readRow(`app ${index}`, 0)));
  assert.equal(counts, [500, 500, 1]);
});

test('calls that had no turn in time are told so, and not that the server is gone', async () => {
  const store = await openFarAway(400);
  const calls = Array.from({ length: 60 }, (_, index) => store.set(`app ${index}`, record));
  const results = await within('the calls', Promise.allSettled(calls), 15_000);
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  assert.ok(reasons.length > 0 && reasons.length < 60, `${reasons.length} of 60 failed`);
  // The turn of the last ones came too late for an answer: of the three under way, and of some more if the process is busy.
  const others = reasons.filter(({ code, reason }) => `${code} ${reason}` !== 'STORE_BUSY database-locked');
  assert.ok(others.length < reasons.length / 2, String(others));
});

test('11 stores on one pool of the caller print no MaxListenersExceededWarning', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', note);
  const pool = scene.newPool('shared', { max: 5 });
  const stores = await Promise.all(Array.from({ length: 11 }, () => scene.open({ pool })));
  await Promise.all(stores.map((store) => store.set('app', record)));
  await Promise.all(stores.map((store) => store.get('app')));
  await Promise.all(stores.slice(0, 2).map((store) => store.exclusively('app', async () => {})));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', note);
  assert.equal(warnings, []);
});

test.run();
