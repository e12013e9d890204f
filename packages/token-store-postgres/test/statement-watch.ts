import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore, PostgresTokenStoreOptions } from '../src/index.ts';
import type { Scene, Test } from './scene.ts';

/** Settings of a cluster whose log has every statement. */
export const statementLog = { log_statement: 'all', log_line_prefix: '<%a>', log_min_messages: 'log' };

/** Of all who watch: tests run at the same time, and a mark of another would be found in its place. */
let marks = 0;

export function watchStatements(scene: Scene) {
  /** The end of the log, after all that was logged before has arrived. */
  async function endOfLog(): Promise<number> {
    marks++;
    const mark = `SELECT 'mark ${marks}'`;
    await scene.cluster.query(mark);
    for (let left = 200; !scene.cluster.log.includes(mark); left--) {
      assert.ok(left > 0, 'the log does not arrive');
      await delay(10);
    }
    return scene.cluster.log.indexOf(mark);
  }

  /** The statements that programs of this name sent while `work` ran. */
  async function statementsOf(name: string, work: () => Promise<unknown>): Promise<string[]> {
    const start = await endOfLog();
    await work();
    await endOfLog();
    const lines = scene.cluster.log
      .slice(start)
      .matchAll(new RegExp(`^<${name}>LOG:  (?:statement|execute <unnamed>): (.*)$`, 'gm'));
    // pgbouncer tells the server which of its clients speaks now, and a new connection gets its limits.
    return [...lines].map(([, text = '']) => text).filter((text) => !/^(SET|SELECT set_config\(name,) /.test(text));
  }

  /** The statements of one that waits until it is stopped: at most 2 per second, and four to begin to listen and to leave. */
  async function fewStatementsOf(name: string, wait: () => Promise<unknown>): Promise<string[]> {
    // Longer than `waitMs` if the machine is busy.
    let seconds = 0;
    const statements = await statementsOf(name, async () => {
      const started = performance.now();
      await wait();
      seconds = (performance.now() - started) / 1_000;
    });
    const most = Math.floor(2 * seconds) + 4;
    assert.ok(statements.length <= most, `${name}: ${statements.length} in ${seconds} s:\n${statements.join('\n')}`);
    console.log(`measured: ${name}: ${(statements.length / seconds).toFixed(1)} statements per second`);
    return statements;
  }

  return { statementsOf, fewStatementsOf };
}

const waits: Record<string, (store: PostgresTokenStore, stop: AbortSignal) => Promise<unknown>> = {
  'a caller of exclusively': (store, signal) => store.exclusively('app', async () => {}, { signal }),
  'a caller of changed': async (store, signal) => {
    const wait = async (name: string): Promise<void> => {
      while (!signal.aborted) await store.changed(name, { timeout: 10_000, signal });
    };
    await Promise.all(['app', 'another name'].map(wait));
  },
  'a SharedToken': (store, signal) =>
    new SharedToken({ store, name: 'app', refresh: async () => assert.unreachable('it refreshed') as never }).getToken({
      signal,
    }),
};
export const waitMs = 5_000;

/** Adds the tests of how much one that waits asks the database, by each kind of connection. */
export function testWaiting(
  { scene, test }: { scene: Scene; test: Test },
  connections: Readonly<Record<string, PostgresTokenStoreOptions>>,
): void {
  const { fewStatementsOf } = watchStatements(scene);
  const kinds = Object.keys(connections).join(' and ');

  test(`a caller that waits makes at most 2 statements per second: ${kinds}`, async () => {
    const schema = scene.newSchema();
    const holder = await scene.open({ schema });
    await holder.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 0 });
    const waiters = Object.entries(waits).flatMap(([kind, wait]) =>
      Object.entries(connections).map(([through, options]) => ({
        wait,
        through,
        options,
        name: `${kind.replaceAll(' ', '-')}-${through}`,
      })),
    );
    const stop = new AbortController();
    await holder.exclusively('app', async () => {
      const counts = waiters.map(async ({ wait, through, options, name }) => {
        const connectionString = `${options.connectionString}?application_name=${name}`;
        const store = await scene.open({ ...options, schema, connectionString });
        const statements = await fewStatementsOf(name, () =>
          within(
            name,
            wait(store, stop.signal).catch(() => {}),
          ),
        );
        const looks = statements.filter((statement) => statement.includes('unnest')).length;
        // Who asks for the lock again and again is told what is stored.
        if (name.startsWith('a-SharedToken')) assert.ok(looks <= 3, `${name}: ${looks} looks`);
        assert.is(
          statements.some((statement) => statement.startsWith('LISTEN')),
          through === 'direct',
          name,
        );
      });
      await delay(waitMs);
      stop.abort();
      await Promise.all(counts);
    });
  });

  test(`a SharedToken that waits makes at most 2 statements per second, also for a lease of one second: ${kinds}`, async () => {
    const schema = scene.newSchema();
    const table = `${schema}.oauth_token_lease`;
    await (await scene.open({ schema })).set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 0 });
    // The server itself renews the lease: a busy process would lose it.
    const holding = scene.cluster.query(`DO $$ BEGIN
      INSERT INTO ${table} (name, fence, owner, holder, ends_at) VALUES ('app', 1, 'other', 'other', clock_timestamp() + interval '1 s');
      FOR turn IN 1..60 LOOP
        COMMIT; PERFORM pg_sleep(0.333);
        UPDATE ${table} SET ends_at = clock_timestamp() + interval '1 s';
        EXIT WHEN NOT FOUND;
      END LOOP; END $$`);
    const stop = new AbortController();
    const counts = Object.entries(connections).map(async ([through, options]) => {
      const name = `short-lease-${through}`;
      const connectionString = `${options.connectionString}?application_name=${name}`;
      const store = await scene.open({ ...options, schema, connectionString });
      await fewStatementsOf(name, () =>
        (waits['a SharedToken'] as (typeof waits)[string])(store, stop.signal).catch(() => {}),
      );
    });
    await delay(waitMs);
    stop.abort();
    await Promise.all(counts);
    await scene.cluster.query(`DELETE FROM ${table}`);
    await holding;
  });
}
