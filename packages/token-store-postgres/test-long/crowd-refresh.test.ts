// Takes about 40 s.
import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken, type SharedTokenError } from 'shared-token';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { startScene } from '../test/scene.ts';

const { scene, test } = await startScene({
  settings: { log_statement: 'all', log_line_prefix: '<%a>', log_min_messages: 'log', max_connections: '300' },
});

const heldSeconds = 5;
const hour = 3_600_000;

/** As a program does. On a busy machine, so many callers of one process may wait too long for a connection. */
async function getToken(token: SharedToken): Promise<string> {
  for (;;) {
    try {
      return (await token.getToken()).accessToken;
    } catch (error) {
      if (!(error as SharedTokenError).retryable) throw error;
    }
  }
}

for (const [tokens, stores, through] of [
  [64, 64, 'direct'],
  [1_000, 50, 'direct'],
  [1_000, 50, 'pooler'],
] as const) {
  test(`${tokens} callers of ${stores} stores that wait for one name end with one refresh (${through})`, async () => {
    const schema = scene.newSchema();
    await using bouncer = await scene.cluster.startPgBouncer({ settings: ['max_client_conn = 1000'] });
    const url = through === 'direct' ? scene.cluster.connectionString() : bouncer.connectionString();
    const holder = await scene.open({ schema });
    await holder.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: Date.now() - hour });
    const name = `refresh-${tokens}-${through}`;
    const opened = await Promise.all(
      Array.from({ length: stores }, () =>
        scene.open({ schema, pool: scene.newPool(name, { connectionString: url, max: 2, allowExitOnIdle: true }) }),
      ),
    );
    let refreshes = 0;
    const refresh = async () => {
      refreshes++;
      await delay(200);
      return { access_token: 'new', refresh_token: `refreshed ${refreshes}`, expires_in: 3_600 };
    };
    const statements = (start: number): number =>
      scene.cluster.log.slice(start).match(new RegExp(`^<${name}>LOG:  (statement|execute)(?!.*SET application)`, 'gm'))
        ?.length ?? 0;
    let waiting: Promise<string>[] = [];
    let rate = 0;
    await holder.exclusively('app', async () => {
      waiting = Array.from({ length: tokens }, (_, index) => {
        const store = opened[index % stores];
        if (!store) throw new Error('unreachable');
        return getToken(new SharedToken({ store, name: 'app', refresh, refreshTimeout: 60_000 }));
      });
      await delay(1_000); // until all of them wait
      const start = scene.cluster.log.length;
      await delay(heldSeconds * 1_000);
      rate = statements(start) / tokens / heldSeconds;
    });
    const start = scene.cluster.log.length;
    const released = performance.now();
    const results = await within('all tokens', Promise.all(waiting), 60_000);
    const took = performance.now() - released;
    await delay(500);
    console.log(
      `measured: ${tokens} waiting callers of ${stores} stores, ${through}: ${rate.toFixed(2)} statements per second each; all have the token ${took.toFixed(0)} ms after the release, of which the provider takes 200, with ${(statements(start) / tokens).toFixed(1)} statements each`,
    );
    assert.equal(new Set(results), new Set(['new']));
    assert.is(refreshes, 1);
    assert.ok(rate <= 2, `${rate} statements per second`);
    await Promise.all(opened.map((store) => store.close()));
  });
}

test.run();
