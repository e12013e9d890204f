import crypto from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import { changeKey } from 'token-store-kit/administration';
import * as assert from 'uvu/assert';
import type { TokenStoreError } from '../src/index.ts';
import { errorOf } from './attempt.ts';
import { hold, until } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { type Fate, UnreliablePool } from './unreliable-pool.ts';

const { scene, test } = await startScene();

/** Not a passphrase: to derive its key takes long. */
const newKey = new Uint8Array(32).fill(7);

async function openWithToken() {
  const schema = scene.newSchema();
  const operator = await scene.open({ schema });
  await operator.set('app', { refreshToken: 'refresh-1', accessToken: 'access-1', expiresAt: 1 });
  return { schema, operator };
}

/** Hosts of one sign-in that has to be refreshed. `leftOut` does not know the new key. */
async function startFleet() {
  const { schema, operator } = await openWithToken();
  const spent: (string | undefined)[] = [];
  const provider = { spent, beforeAnswer: async (): Promise<void> => {} };
  const newToken = async (otherKeys: Uint8Array[]): Promise<SharedToken> =>
    new SharedToken({
      store: await scene.open({ schema, otherKeys }),
      name: 'app',
      refresh: async ({ refreshToken }) => {
        spent.push(refreshToken);
        await provider.beforeAnswer();
        return { access_token: 'access-2', refresh_token: 'refresh-2', expires_in: 3_600 };
      },
    });
  return { schema, provider, operator, leftOut: await newToken([]), other: await newToken([newKey]) };
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

const leaseOwner = (schema: string): Promise<string> =>
  scene.cluster.query(`SELECT owner FROM ${schema}.oauth_token_lease WHERE name = 'app'`);

function untilWaiting(count: number): Promise<void> {
  return until(`${count} sessions wait`, async () => (await scene.cluster.query(waitingSql)) === String(count));
}

test('after a change of key, a host without the new key asks no person, whose sign-in it could not store', async () => {
  const { schema, operator } = await openWithToken();
  const [leftOut, other] = [await scene.open({ schema }), await scene.open({ schema, otherKeys: [newKey] })];
  await operator.rekey(newKey);
  let asked = 0;
  const signIn = async () => {
    asked++;
    return { access_token: 'access-2', refresh_token: 'refresh-2', expires_in: 3_600 };
  };
  const refresh = () => Promise.reject(new Error('is not called'));
  const open = (store: typeof operator) => new SharedToken({ store, name: 'new', refresh, signIn });
  await using shared = open(leftOut);
  const { code, cause } = (await errorOf(shared.signIn())) as TokenStoreError & { cause?: TokenStoreError };
  assert.equal([code, cause?.code, cause?.reason, asked], ['STORE', 'STORE_KEY', 'key-changed', 0]);
  await using next = open(other);
  await next.signIn();
  assert.equal([asked, (await operator.get('new'))?.refreshToken], [1, 'refresh-2']);
});

test('a host with a key asks no person either if another host has stored tokens unencrypted since it opened the empty tables', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, key: newKey });
  await store.exclusively('app', async () => {});
  await (await scene.open({ schema })).set('app', { refreshToken: 'refresh-1' });
  const { code, reason } = await errorOf(store.exclusively('new', async () => assert.unreachable('the task ran')));
  assert.equal([code, reason], ['STORE_KEY', 'not-encrypted']);
});

test('no task runs after an abort while the key is looked up that has been changed, and the lock is free again', async () => {
  const { schema, operator } = await openWithToken();
  const answers = Promise.withResolvers<void>();
  let isChanged = false;
  const decide = (text: string): Fate =>
    isChanged && text.startsWith('SELECT package') ? { type: 'slow', after: answers.promise } : { type: 'normal' };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const store = await scene.open({ schema, pool, otherKeys: [newKey] });
  await operator.rekey(newKey);
  isChanged = true;
  const controller = new AbortController();
  let hasRun = false;
  const task = async (): Promise<void> => {
    hasRun = true;
  };
  const call = errorOf(store.exclusively('app', task, { signal: controller.signal }));
  await until('the lock is acquired', async () => (await leaseOwner(schema)) !== '');
  controller.abort(new Error('no longer needed'));
  answers.resolve();
  assert.is(await call, controller.signal.reason);
  await until('the lock is free', async () => (await leaseOwner(schema)) === '');
  assert.not(hasRun);
});

for (const isLate of [false, true]) {
  const when = isLate ? 'while the change waits for its turn' : 'before the change';
  test(`a refresh that a host without the new key begins ${when} is stored first, and no token is spent twice`, async () => {
    const { schema, provider, operator, leftOut, other } = await startFleet();
    const answer = Promise.withResolvers<void>();
    provider.beforeAnswer = () => answer.promise;
    const refresh = async () => {
      const refreshed = leftOut.getToken();
      await until('the provider has rotated the token', async () => provider.spent.length === 1);
      return { refreshed };
    };
    let begun = isLate ? undefined : await refresh();
    const letGo = await lockRows(`${schema}.oauth_token_meta`);
    const changed = operator.rekey(newKey);
    await untilWaiting(1);
    begun ??= await refresh();
    await letGo();
    // Long enough for a change that waits for nothing else.
    await Promise.race([changed, delay(500)]);
    answer.resolve();
    assert.is((await begun.refreshed).accessToken, 'access-2');
    await changed;
    assert.is((await operator.get('app'))?.refreshToken, 'refresh-2');
    assert.is((await other.getToken()).accessToken, 'access-2');
    assert.equal(provider.spent, ['refresh-1']);
  });
}

test('a host without the new key that would refresh while records are encrypted again spends nothing', async () => {
  const { schema, provider, operator, leftOut, other } = await startFleet();
  const letGo = await lockRows(`${schema}.oauth_token`);
  const changed = operator.rekey(newKey);
  await untilWaiting(1);
  const refused = leftOut.getToken().catch(({ code }) => code);
  await untilWaiting(2);
  await letGo();
  await changed;
  assert.is(await refused, 'STORE');
  assert.equal(provider.spent, []);
  assert.is((await other.getToken()).accessToken, 'access-2');
});

test('the store that changes its key works, also before it knows that the change is done', async () => {
  const schema = scene.newSchema();
  const answers = Promise.withResolvers<void>();
  let isChanging = false;
  const decide = (text: string): Fate =>
    isChanging && text === 'COMMIT' ? { type: 'delayed', after: answers.promise } : { type: 'normal' };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const store = await scene.open({ schema, pool });
  await store.set('app', { refreshToken: 'refresh-1' });
  isChanging = true;
  const changed = store.rekey(newKey);
  const saltSql = `SELECT salt IS NOT NULL FROM ${schema}.oauth_token_meta`;
  await until('the change is committed', async () => (await scene.cluster.query(saltSql)) === 't');
  const calls = [() => store.get('app'), () => store.exclusively('new', async () => {})];
  const results = await Promise.allSettled(calls.map((call) => call()));
  answers.resolve();
  await changed;
  assert.equal(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled'],
  );
});

test('a change of key that has to wait for too long says who holds which lock, and changes nothing', async () => {
  const { schema, operator } = await openWithToken();
  const holder = await hold(await scene.open({ schema }));
  const { code, reason, message } = await errorOf(operator.rekey(newKey, { timeout: 300 }));
  assert.equal([code, reason], ['STORE_BUSY', 'lock-held']);
  assert.match(message, /^process \d+ on \S+ holds the lock of "app", which did not become free within 300 ms/);
  assert.is((await (await scene.open({ schema })).get('app'))?.refreshToken, 'refresh-1');
  const controller = new AbortController();
  const closing = await scene.open({ schema });
  const [aborted, closed] = [operator.rekey(newKey, { signal: controller.signal }), closing.rekey(newKey)].map(errorOf);
  controller.abort(new Error('no longer needed'));
  const { signal } = controller;
  assert.is(await errorOf((await scene.open({ schema: scene.newSchema() })).rekey(newKey, { signal })), signal.reason);
  await closing.close();
  assert.is(await aborted, controller.signal.reason);
  assert.is((await closed)?.reason, 'closed');
  await holder.end();
  await operator.rekey(newKey, { timeout: 0 });
});

test('a change of key that may not wait is not held up by a lease that has ended', async () => {
  const { schema, operator } = await openWithToken();
  const gone = "('app', 1, 'gone:60000', 'gone', now() - interval '1 s')";
  await scene.cluster.query(`INSERT INTO ${schema}.oauth_token_lease VALUES ${gone}`);
  await operator.rekey(newKey, { timeout: 0 });
  assert.is((await (await scene.open({ schema, key: newKey })).get('app'))?.refreshToken, 'refresh-1');
});

test('a change of key that fails leaves the store with its own keys: it takes no unencrypted token', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, key: newKey });
  await store.set('app', { refreshToken: 'refresh-1' });
  const holder = await hold(await scene.open({ schema, key: newKey }));
  assert.is((await errorOf(store.rekey(undefined, { timeout: 100 }))).code, 'STORE_BUSY');
  await holder.end();
  const planted = `UPDATE ${schema}.oauth_token SET sealed = NULL, record = '{"refreshToken":"planted"}'`;
  await scene.cluster.query(planted);
  assert.is((await errorOf(store.get('app'))).code, 'STORE_CORRUPT');
});

test('a change of key does not wait for the locks that its caller holds', async () => {
  const { operator } = await openWithToken();
  const change = () => operator.rekey(newKey, { timeout: 0 });
  await operator.exclusively('app', () => operator.exclusively('sign-in', change));
  await operator.exclusively('app', () => changeKey(operator, () => undefined));
});

test('a change of key that waits derives no passphrase again', async () => {
  const schema = scene.newSchema();
  const open = () => scene.open({ schema, key: 'a passphrase' });
  const [store, other] = [await open(), await open()];
  await store.set('app', { refreshToken: 'refresh-1' });
  const holder = await hold(other);
  const { scryptSync } = crypto;
  let derived = 0;
  crypto.scryptSync = (...args: Parameters<typeof scryptSync>) => {
    derived++;
    return scryptSync(...args);
  };
  try {
    assert.is((await errorOf(store.rekey('another one', { timeout: 300 }))).reason, 'lock-held');
    assert.is(derived, 1);
  } finally {
    crypto.scryptSync = scryptSync;
    await holder.end();
  }
});

test('hosts wait for each other, also if their role has a short lock_timeout', async () => {
  const schema = scene.newSchema();
  await scene.cluster.query("CREATE ROLE hasty SUPERUSER LOGIN; ALTER ROLE hasty SET lock_timeout = '50ms'");
  const other = await scene.newPool('another host').connect();
  await other.query("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('token-store-postgres', 0))");
  const opening = scene.open({
    schema,
    connectionString: scene.cluster.connectionString({ user: 'hasty' }),
    key: newKey,
  });
  await Promise.race([opening, delay(200)]);
  await other.query('COMMIT');
  other.release();
  const store = await opening;
  const letGo = await lockRows(`${schema}.oauth_token_meta`);
  const writing = store.set('app', { refreshToken: 'refresh-1' });
  await Promise.race([writing, delay(200)]);
  await letGo();
  await writing;
});

test('to make the tables, and to change the key, may take longer than a call', async () => {
  const { now } = performance;
  let aheadMs = 0;
  const decide = (text: string): Fate => {
    if (!/^(CREATE TABLE|UPDATE)/.test(text)) return { type: 'normal' };
    aheadMs += 20_000;
    return { type: 'slow', after: 20 };
  };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  performance.now = () => now.call(performance) + aheadMs;
  try {
    const store = await scene.open({ schema: scene.newSchema(), pool });
    await store.set('app', { refreshToken: 'refresh-1' });
    await store.rekey(newKey);
    assert.ok(aheadMs > 60_000);
  } finally {
    performance.now = now;
  }
});

test('a change of key waits for many processes that are gone no longer than for one', async () => {
  const schema = scene.newSchema();
  let looks = 0;
  const decide = (text: string): Fate => {
    if (text.includes('<> ALL')) looks++;
    return { type: 'normal' };
  };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const store = await scene.open({ schema, pool });
  // Half of the time that they have, which is over at the second look.
  const gone = "SELECT n, 1, 'gone:380', 'gone', now() FROM generate_series(1, 4) AS n";
  await scene.cluster.query(`INSERT INTO ${schema}.oauth_token_lease ${gone}`);
  await store.rekey(newKey);
  assert.is(looks, 2);
});

test.run();
