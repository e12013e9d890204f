import { setTimeout as delay } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { errorOf } from './attempt.ts';
import { startMember, tellAll } from './fleet.ts';
import { hold, until } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { StrictProvider } from './strict-provider.ts';

const { scene, test } = await startScene();

/** Not a passphrase: each process would derive its key, which takes long. */
const newKey = new Uint8Array(32).fill(7);

/** The hosts of one sign-in that has to be refreshed. `leftOut` does not know the new key. */
async function startFleet() {
  const schema = scene.newSchema();
  const provider = scene.closeLater(await StrictProvider.start());
  const operator = await scene.open({ schema });
  const store = { schema, connectionString: scene.cluster.connectionString() };
  const leftOut = await startMember({ store, provider });
  const other = await startMember({ store, newKey, provider });
  await operator.set('app', { refreshToken: provider.signIn(), accessToken: 'old', expiresAt: 1 });
  return { schema, provider, operator, leftOut, other };
}

/** Locks all rows of a table against a change, until the result is called. */
async function lockRows(table: string): Promise<() => Promise<void>> {
  const client = await scene.newPool('another session').connect();
  await client.query(`BEGIN; SELECT 1 FROM ${table} FOR SHARE`);
  return async () => {
    await client.query('COMMIT');
    client.release();
  };
}

const waitingSql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";

function untilWaiting(count: number): Promise<void> {
  return until(`${count} sessions wait`, async () => (await scene.cluster.query(waitingSql)) === String(count));
}

for (const isLate of [false, true]) {
  const when = isLate ? 'while the change waits for its turn' : 'before the change';
  test(`a refresh that a host without the new key begins ${when} is stored first, and no token is spent twice`, async () => {
    const { schema, provider, operator, leftOut, other } = await startFleet();
    const answer = Promise.withResolvers<void>();
    provider.beforeAnswer = () => answer.promise;
    const refresh = async () => {
      leftOut.tell('get');
      await until('the provider has rotated the token', async () => provider.count('refresh') === 1);
    };
    if (!isLate) await refresh();
    const letGo = await lockRows(`${schema}.oauth_token_meta`);
    const changed = operator.rekey(newKey);
    await untilWaiting(1);
    if (isLate) await refresh();
    await letGo();
    // Long enough for a change that waits for nothing else.
    await Promise.race([changed, delay(500)]);
    answer.resolve();
    assert.is(await leftOut.line(), 'access-token-2');
    await changed;
    assert.is((await operator.get('app'))?.refreshToken, 'refresh-token-2');
    assert.equal(await tellAll([other], 'get'), ['access-token-2']);
    assert.equal(provider.events, ['sign-in', 'refresh']);
  });
}

test('a host without the new key that would refresh while records are encrypted again spends nothing', async () => {
  const { schema, provider, operator, leftOut, other } = await startFleet();
  const letGo = await lockRows(`${schema}.oauth_token`);
  const changed = operator.rekey(newKey);
  await untilWaiting(1);
  leftOut.tell('get');
  await untilWaiting(2);
  await letGo();
  await changed;
  assert.is(await leftOut.line(), 'STORE');
  assert.equal(await tellAll([other], 'get'), ['access-token-2']);
  assert.equal(provider.events, ['sign-in', 'refresh']);
});

test('a change of key that has to wait for too long says who holds which lock, and changes nothing', async () => {
  const { schema, operator } = await startFleet();
  const holder = await hold(await scene.open({ schema }));
  const { code, reason, message } = await errorOf(operator.rekey(newKey, { timeout: 300 }));
  assert.equal([code, reason], ['STORE_BUSY', 'lock-held']);
  assert.match(message, /^process \d+ on \S+ is working with the tokens of "app" and was not done within 300 ms/);
  assert.is((await (await scene.open({ schema })).get('app'))?.refreshToken, 'refresh-token-1');
  await holder.end();
  await operator.rekey(newKey, { timeout: 0 });
});

test('a change of key does not wait for the locks that its caller holds', async () => {
  const { operator } = await startFleet();
  await operator.exclusively('app', () => operator.rekey(newKey, { timeout: 0 }));
});

test.run();
