// Takes about 10 s.
import { hostname } from 'node:os';
import { missingTools, testOrSkip } from 'testing-postgres';
import * as assert from 'uvu/assert';
import { inspectPostgresTokenStore, type PostgresTokenStoreOptions, type TokenStoreError } from '../src/index.ts';
import { errorOf } from './attempt.ts';
import { until } from './lock-watch.ts';
import { samplesOf } from './project.ts';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();

const record = { refreshToken: 'first' };
const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

async function assertRefused(
  options: PostgresTokenStoreOptions,
  code: string,
  reason?: string,
): Promise<TokenStoreError> {
  const error = await errorOf(scene.open(options));
  assert.equal([error.code, error.reason], [code, reason], error.message);
  return error;
}

test('many hosts make the schema and the tables at once, without an error', async () => {
  for (const [round, key] of [undefined, new Uint8Array(32)].entries()) {
    const schema = `made at once ${round}`;
    const tables = Array.from({ length: 12 }, (_, index) => (index % 4 === 0 ? `table ${index}` : 'table 0'));
    const stores = await Promise.all(tables.map((table) => scene.open({ schema, table, key })));
    await stores[0]?.set('app', record);
    for (const [index, store] of stores.entries())
      assert.equal(await store.get('app'), tables[index] === 'table 0' ? record : undefined);
    await Promise.all(stores.map((store) => store.close()));
  }
});

test('without a schema, the tables are in the first one of the search_path', async () => {
  await scene.cluster.query('CREATE SCHEMA first_one; CREATE ROLE pathfinder SUPERUSER LOGIN');
  await scene.cluster.query('ALTER ROLE pathfinder SET search_path = missing, first_one, public');
  const connectionString = scene.cluster.connectionString({ user: 'pathfinder' });
  await (await scene.open({ schema: undefined, connectionString })).set('app', record);
  assert.is(await scene.cluster.query('SELECT name FROM first_one.oauth_token'), 'app');
  await scene.cluster.query('ALTER ROLE pathfinder SET search_path = missing');
  await assertRefused({ schema: undefined, connectionString }, 'STORE_OPEN', 'no-schema');
});

test('schema and table may have any characters', async () => {
  const options = { schema: 'Has "quotes" and \\'.padEnd(63), table: "o'auth; DROP TABLE x --".padEnd(50) };
  await (await scene.open(options)).set('app', record);
  assert.equal(await (await scene.open(options)).get('app'), record);
});

test('two tables in one schema know nothing of each other', async () => {
  const schema = scene.newSchema();
  const [one, two] = [await scene.open({ schema, table: 'one' }), await scene.open({ schema, table: 'two' })];
  await one.set('app', record);
  assert.is(await two.get('app'), undefined);
  await one.exclusively('app', () => two.exclusively('app', async () => {}, { timeout: 0 }));
});

const tablesIn = (schema: string): Promise<string> =>
  scene.cluster.query(`SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('${schema}')`);

test('a store that only reads makes nothing, and has no records until another one makes the tables', async () => {
  const schema = scene.newSchema();
  const reader = await scene.open({ schema, readOnly: true });
  assert.is(await reader.get('app'), undefined);
  assert.equal(await reader.list(), []);
  await reader.changed('app', { timeout: 10 });
  for (const call of [
    () => reader.set('app', record),
    () => reader.replace('app', undefined, record),
    () => reader.delete('app'),
    () => reader.exclusively('app', async () => 1),
    () => reader.rekey(keys[0]),
  ]) {
    assert.is((await errorOf(call())).code, 'STORE_READONLY', String(call));
  }
  assert.is(await scene.cluster.query(`SELECT to_regnamespace('${schema}') IS NULL`), 't');
  await (await scene.open({ schema })).set('app', record);
  assert.equal([await reader.get('app'), await reader.list()], [record, ['app']]);
});

test('a store that only reads writes no key, and needs the right one', async () => {
  const schema = scene.newSchema();
  const plain = await scene.open({ schema });
  const salt = `SELECT salt IS NULL FROM ${schema}.oauth_token_meta`;
  const reader = await scene.open({ schema, readOnly: true, key: keys[0] });
  assert.equal(await reader.list(), []);
  assert.is(await scene.cluster.query(salt), 't');
  await plain.set('app', record);
  await assertRefused({ schema, readOnly: true, key: keys[0] }, 'STORE_KEY', 'not-encrypted');
  await plain.rekey(keys[0]);
  assert.equal(await (await scene.open({ schema, readOnly: true, key: keys[0] })).get('app'), record);
  await assertRefused({ schema, readOnly: true, key: keys[1] }, 'STORE_KEY', 'key-wrong');
  await scene.cluster.query(`UPDATE ${schema}.oauth_token_meta SET package = 'other'`);
  await assertRefused({ schema, readOnly: true, key: keys[0] }, 'STORE_OPEN', 'foreign');
});

test('an inspection tells a person what there is, and makes nothing', async () => {
  const schema = scene.newSchema();
  const connectionString = scene.cluster.connectionString();
  const inspect = (options = {}) => inspectPostgresTokenStore({ connectionString, schema, ...options });
  assert.equal((await inspect()).tables, 'missing');
  assert.is(await tablesIn(schema), '0');
  const store = await scene.open({ schema, key: keys[0] });
  await store.set('Ä', record);
  const ended = "('ended', 1, 'gone:100', 'gone', now() - interval '1 s')";
  await scene.cluster.query(`INSERT INTO ${schema}.oauth_token_lease VALUES ${ended}`);
  await store.exclusively('Ä\0', async () => {
    const { serverVersion, ...found } = await inspect();
    assert.match(serverVersion, /^\d+\.\d+$/);
    const locks = [{ name: 'Ä\0', holder: `process ${process.pid} on ${hostname()}` }];
    const server = { isReadOnly: false, pooler: undefined, schema };
    assert.equal(found, { ...server, tables: 'ours', hasKey: true, missingRights: [], locks });
  });
  await scene.cluster.query(`CREATE ROLE inspector LOGIN; GRANT USAGE ON SCHEMA ${schema} TO inspector`);
  const asRole = { connectionString: scene.cluster.connectionString({ user: 'inspector' }) };
  const lacking = await inspect(asRole);
  const rights = ['oauth_token', 'oauth_token_lease', 'oauth_token_meta'].flatMap((table) =>
    ['INSERT', 'SELECT', 'UPDATE'].map((right) => `${right} ON ${schema}.${table}`),
  );
  const needed = rights.filter((right) => right !== `INSERT ON ${schema}.oauth_token_meta`);
  assert.equal([lacking.tables, lacking.missingRights.toSorted()], ['unreadable', needed.toSorted()]);
  await scene.cluster.query(`GRANT SELECT ON ${schema}.oauth_token_meta TO inspector`);
  assert.equal((await inspect(asRole)).locks, []);
  await scene.cluster.query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO inspector`);
  const unreadable = needed.filter((right) => !right.startsWith('SELECT'));
  assert.equal((await inspect(asRole)).missingRights.toSorted(), unreadable.toSorted());
  const pool = scene.newPool('cut');
  const connect = async (): Promise<unknown> => {
    const client = await pool.connect();
    const cut = (query: { text: string }): unknown =>
      query.text.includes('oauth_token_meta')
        ? Promise.reject(Object.assign(new Error('cut'), { code: 'EPIPE' }))
        : client.query(query);
    return new Proxy(client, { get: (_, key) => (key === 'query' ? cut : Reflect.get(client, key)) });
  };
  const cutting = new Proxy(pool, { get: (_, key) => (key === 'connect' ? connect : Reflect.get(pool, key)) });
  const options = { connectionString: undefined, pool: cutting } as PostgresTokenStoreOptions;
  assert.is((await errorOf(inspect(options))).reason, 'unreachable');
  await scene.cluster.query(`UPDATE ${schema}.oauth_token_meta SET version = 9`);
  assert.is((await inspect()).tables, 'newer');
  await scene.cluster.query(`UPDATE ${schema}.oauth_token_meta SET package = 'other'`);
  assert.is((await inspect()).tables, 'foreign');
  assert.is(
    (await errorOf(inspect({ connectionString: 'postgresql://postgres@127.0.0.1:1/x' }))).reason,
    'unreachable',
  );
});

const noBouncer = scene && missingTools(['pgbouncer']);
const throughBouncer = noBouncer === undefined ? test : testOrSkip(noBouncer);

throughBouncer('pgbouncer tells a role of its stats_users how long it waits after a failed connection', async () => {
  const users = ['monitor', 'other'];
  await scene.cluster.query(users.map((user) => `CREATE ROLE ${user} LOGIN`).join(';'));
  const settings = ['stats_users = monitor', 'server_login_retry = 15'];
  const bouncer = scene.closeLater(await scene.cluster.startPgBouncer({ users, settings }));
  for (const [user, serverLoginRetry] of [
    ['monitor', 15_000],
    ['other', undefined],
  ] as const) {
    const connectionString = bouncer.connectionString(user);
    const pool = scene.newPool('inspect', { connectionString });
    for (const options of [{ connectionString }, { pool }])
      assert.equal((await inspectPostgresTokenStore(options)).pooler, { serverLoginRetry }, user);
  }
  const ends = () => bouncer.log.match(/pgbouncer\/monitor@\S+ closing because/g)?.length === 2;
  await until('its connections have ended', async () => ends());
});

test('a server that takes no writes reads, and says why it does not write', async () => {
  const schema = scene.newSchema();
  await (await scene.open({ schema })).set('app', record);
  await scene.cluster.query('CREATE ROLE standby SUPERUSER LOGIN');
  await scene.cluster.query('ALTER ROLE standby SET default_transaction_read_only = on');
  const connectionString = scene.cluster.connectionString({ user: 'standby' });
  const store = await scene.open({ schema, connectionString });
  assert.equal(await store.get('app'), record);
  const { code, reason } = await errorOf(store.set('app', record));
  assert.equal([code, reason], ['STORE_READONLY', 'read-only-server']);
  assert.ok((await inspectPostgresTokenStore({ schema, connectionString })).isReadOnly);
});

const foreignTables: Record<string, string> = {
  'the table of another program': 'CREATE TABLE oauth_token (id int)',
  'a table that looks like ours': 'CREATE TABLE oauth_token (name text PRIMARY KEY, record json, revision text)',
  'a view': 'CREATE VIEW oauth_token AS SELECT 1 AS id',
  'a lease table of another program': 'CREATE TABLE oauth_token_lease (id int)',
  'a meta table of another program': 'CREATE TABLE oauth_token_meta (package text, version int)',
  'a meta table like ours of another package':
    "CREATE TABLE oauth_token_meta (package text, version int, salt bytea, verifier bytea); INSERT INTO oauth_token_meta VALUES ('other', 1, NULL, NULL)",
};
for (const [kind, sql] of Object.entries(foreignTables)) {
  test(`${kind} is refused and untouched`, async () => {
    const schema = scene.newSchema();
    await scene.cluster.query(`CREATE SCHEMA ${schema}; SET search_path = ${schema}; ${sql}`);
    const contents = `SELECT relname, (SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) FROM pg_class c WHERE relnamespace = '${schema}'::regnamespace ORDER BY 1`;
    const before = await scene.cluster.query(contents);
    const error = await assertRefused({ schema }, 'STORE_OPEN', 'foreign');
    assert.match(error.message, `${schema}.oauth_token`);
    await assertRefused({ schema, key: keys[0] }, 'STORE_OPEN', 'foreign');
    assert.is(await scene.cluster.query(contents), before);
  });
}

for (const key of [undefined, keys[0]]) {
  test(`data that was restored into new tables, beside their own description, is used (key: ${key !== undefined})`, async () => {
    const [from, to] = [scene.newSchema(), scene.newSchema()];
    await (await scene.open({ schema: from, key })).set('restored', record);
    const store = await scene.open({ schema: to, key });
    for (const table of ['oauth_token', 'oauth_token_meta'])
      await scene.cluster.query(`INSERT INTO ${to}.${table} TABLE ${from}.${table}`);
    for (const each of [store, await scene.open({ schema: to, key })]) {
      assert.equal(await each.get('restored'), record);
      await each.exclusively('app', () => each.set('app', record));
      assert.equal(await each.get('app'), record);
    }
  });
}

test('tables of a newer version are STORE_VERSION, and not written by a store that was open before', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.set('app', record);
  await scene.cluster.query(`UPDATE ${schema}.oauth_token_meta SET version = 2`);
  const error = await assertRefused({ schema }, 'STORE_VERSION');
  assert.match(error.message, 'schema 2, this one knows 1');
  assert.is((await errorOf(store.set('app', { refreshToken: 'second' }))).code, 'STORE_VERSION');
  assert.is((await errorOf(store.replace('app', 'first', { refreshToken: 'second' }))).code, 'STORE_VERSION');
  // No person is asked for a sign-in that could not be stored.
  const task = async () => assert.unreachable('the task ran');
  assert.is((await errorOf(store.exclusively('app', task))).code, 'STORE_VERSION');
  assert.is(await scene.cluster.query(`SELECT record->>'refreshToken' FROM ${schema}.oauth_token`), 'first');
});

test('tables that were dropped after they were opened are STORE_OPEN, and opening again makes new ones', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await scene.cluster.query(`DROP SCHEMA ${schema} CASCADE`);
  for (const call of [
    () => store.get('app'),
    () => store.set('app', record),
    () => store.exclusively('app', async () => 1),
  ]) {
    const error = await errorOf(call());
    assert.equal([error.code, error.reason], ['STORE_OPEN', 'moved'], error.message);
  }
  await (await scene.open({ schema })).set('app', record);
});

test('the rights that docs/fleet.md names are enough for every method, and a role with less is told what it lacks', async () => {
  const [grants = ''] = samplesOf('docs/fleet.md', 'sql');
  await scene.cluster.query(
    'CREATE ROLE app LOGIN; CREATE ROLE reader LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC',
  );
  const connectionString = scene.cluster.connectionString({ user: 'app' });
  const missing = await assertRefused({ schema: 'public', connectionString }, 'STORE_READONLY', 'no-permission');
  assert.match(missing.message, /permission denied for schema public.*open the store once as the owner of the schema/);
  const { tables, missingRights } = await inspectPostgresTokenStore({ connectionString });
  assert.equal([tables, missingRights], ['missing', ['CREATE ON SCHEMA public']]);
  await scene.open({ schema: 'public', key: keys[0] });
  const denied = await assertRefused({ schema: 'public', connectionString }, 'STORE_OPEN', 'no-permission');
  assert.match(denied.message, 'permission denied for table oauth_token_meta');
  await scene.cluster.query(grants.replace(/^CREATE ROLE.*/, ''));

  await assertRefused({ schema: 'no such', connectionString }, 'STORE_READONLY', 'no-permission');

  const store = await scene.open({ schema: 'public', connectionString, key: keys[0] });
  await store.set('app', record);
  await store.exclusively('app', () => store.replace('app', 'first', { refreshToken: 'second' }));
  assert.ok(await store.replace('other', undefined, record));
  await store.changed('app', { timeout: 10 });
  await store.rekey(keys[1]);
  assert.equal(await store.list(), ['app', 'other']);
  assert.ok(await store.delete('other'));

  await scene.cluster.query('GRANT SELECT ON oauth_token, oauth_token_lease, oauth_token_meta TO reader');
  const reader = await scene.open({
    schema: 'public',
    connectionString: scene.cluster.connectionString({ user: 'reader' }),
    key: keys[1],
  });
  assert.equal(await reader.get('app'), { refreshToken: 'second' });
  for (const call of [
    () => reader.set('app', record),
    () => reader.replace('app', 'second', record),
    () => reader.delete('app'),
    () => reader.exclusively('app', async () => 1),
    () => reader.rekey(keys[0]),
  ]) {
    const error = await errorOf(call());
    assert.equal([error.code, error.reason], ['STORE_READONLY', 'no-permission'], error.message);
  }
});

test('names with any characters are different names, and one that is too long is refused', async () => {
  const names = ['\\0', '\0', '\\', '\\\\', '\\\0', '漢', '😀', '', `${'漢'.repeat(866)}ab`];
  for (const options of [{ leaseTime: 100 }, { leaseTime: 86_400_000, key: new Uint8Array(32) }]) {
    const store = await scene.open(options);
    for (const name of names) await store.set(name, { refreshToken: `token of ${name} \0 漢` });
    for (const name of names) assert.is((await store.get(name))?.refreshToken, `token of ${name} \0 漢`);
    const long = '漢'.repeat(900);
    for (const call of [
      () => store.get(long),
      () => store.set(long, record),
      () => store.replace(long, 'first', record),
      () => store.delete(long),
      () => store.exclusively(long, async () => 1),
      () => store.changed(long, { timeout: 3_000 }),
    ]) {
      const error = await errorOf(call());
      assert.equal([error.constructor, error.message], [RangeError, 'name must have at most 2600 bytes, not 2700']);
    }
  }
});

test.run();
