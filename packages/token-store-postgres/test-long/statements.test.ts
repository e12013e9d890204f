import pg from 'pg';
import * as assert from 'uvu/assert';
import { startScene } from '../test/scene.ts';

const { scene, test } = await startScene();

const record = { refreshToken: 'first' };

test('the calls take about as long as the same number of bare statements of pg', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.set('app', record);
  const pool = new pg.Pool({ connectionString: scene.cluster.connectionString(), max: 1 });
  pool.on('error', () => {});
  const read = `SELECT name, record::text FROM ${schema}.oauth_token WHERE name = $1`;
  const write = `UPDATE ${schema}.oauth_token SET updated_at = now() WHERE name = $1`;
  const pairs: Record<string, [ours: () => Promise<unknown>, bare: () => Promise<unknown>]> = {
    get: [() => store.get('app'), () => pool.query(read, ['app'])],
    replace: [() => store.replace('app', 'first', record), () => pool.query(write, ['app'])],
    'exclusively with an empty task': [
      () => store.exclusively('app', async () => {}),
      async () => {
        for (let statement = 0; statement < 2; statement++) await pool.query(write, ['app']);
      },
    ],
  };
  for (const [name, calls] of Object.entries(pairs)) {
    const [ours = 0, bare = 1] = await medians(calls);
    console.log(`measured: ${name}: ${ours.toFixed(2)} ms, ${(ours / bare).toFixed(1)} × bare statements of pg`);
    assert.ok(ours < 10 * bare, `${name} takes ${ours} ms, and bare statements ${bare} ms`);
  }
  await pool.end();
});

/** The median of 100 runs of each call in milliseconds, taken in turns. */
async function medians(calls: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const times: number[][] = calls.map(() => []);
  for (let round = 0; round < 100; round++) {
    for (const [index, call] of calls.entries()) {
      const start = performance.now();
      await call();
      times[index]?.push(performance.now() - start);
    }
  }
  return times.map((each) => each.sort((a, b) => a - b)[50] ?? 0);
}

test.run();
