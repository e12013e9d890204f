import { setTimeout as delay } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore } from '../src/index.ts';
import { errorOf } from './attempt.ts';
import { startScene } from './scene.ts';

const { scene, test } = await startScene({
  settings: { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track': 'all' },
});

/** What makes the server write down everything that it can. */
const everything = {
  log_min_messages: 'debug5',
  log_min_error_statement: 'debug5',
  log_statement: 'all',
  log_duration: 'on',
  log_min_duration_statement: '0',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '-1',
  debug_print_parse: 'on',
};

const bytes = new Uint8Array(32).fill(7);
const otherBytes = new Uint8Array(32).fill(8);
/** Few tests have a passphrase: to derive its key takes long. */
const mistyped = new Uint8Array(32).fill(9);
const record = {
  refreshToken: 'secret-refresh',
  accessToken: 'secret-access',
  scope: 'secret-scope',
  idToken: 'secret-id',
};

/** A record that another program puts unencrypted into the table. */
const planted = `'{"refreshToken":"planted"}'`;

/** The server refuses to change rows of the table from now on. */
async function refuseUpdates(schema: string, table: string): Promise<void> {
  await scene.cluster.query(`CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON ${schema}.${table} FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse()`);
}

async function codeAndReasonOf(call: Promise<unknown>): Promise<[code: string, reason: string | undefined]> {
  const { code, reason } = await errorOf(call);
  return [code, reason];
}

test('no token is in pg_dump, in the server log at its highest level, or in pg_stat_statements', async () => {
  const settings = Object.entries(everything).map(([name, value]) => `ALTER ROLE watched SET ${name} = '${value}'`);
  const role = ['CREATE EXTENSION pg_stat_statements', 'CREATE ROLE watched SUPERUSER LOGIN', ...settings];
  await scene.cluster.query(role.join(';'));
  const schema = scene.newSchema();
  const connectionString = scene.cluster.connectionString({ user: 'watched' });
  const store = await scene.open({ schema, key: bytes, connectionString });
  await store.set('app', record);
  await store.exclusively('app', async () => {
    assert.ok(await store.replace('app', 'secret-refresh', { ...record, refreshToken: 'secret-second' }));
    assert.not(await store.replace('app', 'secret-refresh', { ...record, refreshToken: 'secret-third' }));
  });
  assert.is((await store.get('app'))?.refreshToken, 'secret-second');
  await store.rekey('secret passphrase');
  // A statement that fails is logged with its parameters as well.
  await scene.cluster.query(`ALTER TABLE ${schema}.oauth_token RENAME COLUMN revision TO elsewhere`);
  assert.is(
    (await codeAndReasonOf(store.set('app', { ...record, refreshToken: 'secret-fourth' })))[0],
    'STORE_CORRUPT',
  );
  const statements = await scene.cluster.query("SELECT string_agg(query, ' ') FROM pg_stat_statements");
  assert.match(statements, 'oauth_token');
  // The log has the statements, the parameters, and what the server makes of them.
  for (const part of ['INSERT INTO', '_lease" AS l', 'parse tree:']) {
    assert.ok(scene.cluster.log.includes(part), `the log has no ${part}`);
  }
  assert.match(scene.cluster.log, /DETAIL: {2}parameters: \$1 = /i);
  const dump = await scene.cluster.dump();
  assert.match(dump, 'oauth_token_meta');
  for (const [where, text] of Object.entries({ dump, log: scene.cluster.log, statements })) {
    assert.not.match(text, /secret-|secret passphrase/, where);
    for (const secret of ['secret-refresh', 'secret-second', 'secret passphrase']) {
      const [hex, base64] = [Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64').slice(0, 12)];
      assert.not.ok(text.includes(hex) || text.includes(base64), `${where} has ${secret} in another form`);
    }
  }
});

test('a wrong or missing key is STORE_KEY', async () => {
  const schema = scene.newSchema();
  await (await scene.open({ schema, key: bytes })).set('app', record);
  const refused = { schema, connectionString: `${scene.cluster.connectionString()}?application_name=refused` };
  assert.equal(await codeAndReasonOf(scene.open(refused)), ['STORE_KEY', 'key-missing']);
  assert.equal(await codeAndReasonOf(scene.open({ ...refused, key: otherBytes })), ['STORE_KEY', 'key-wrong']);
  const connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'refused'";
  // They would be idle for 10 s; a process of a busy server ends a moment later than its connection.
  for (let left = 50; (await scene.cluster.query(connections)) !== '0'; left--) {
    assert.ok(left > 0, 'a store that was refused keeps its connection');
    await delay(100);
  }
  assert.equal(await (await scene.open({ schema, key: bytes })).get('app'), record);
});

test('a key for plain tokens is STORE_KEY, and for tables without tokens it encrypts', async () => {
  const schema = scene.newSchema();
  const [plain, early] = [await scene.open({ schema }), await scene.open({ schema, key: bytes })];
  await plain.set('app', record);
  for (const call of [
    () => scene.open({ schema, key: bytes }),
    () => early.set('other', record),
    () => early.rekey(otherBytes),
  ])
    assert.equal(await codeAndReasonOf(call()), ['STORE_KEY', 'not-encrypted'], String(call));
  await plain.delete('app');
  const store = await scene.open({ schema, key: bytes });
  await store.set('other', record);
  const calls = [
    () => plain.set('app', record),
    () => plain.replace('app', undefined, record),
    () => plain.rekey(otherBytes),
  ];
  for (const call of calls) assert.equal(await codeAndReasonOf(call()), ['STORE_KEY', 'key-changed'], String(call));
  await store.set('app', record);
  assert.equal(await codeAndReasonOf(plain.get('app')), ['STORE_KEY', 'key-changed']);
});

test('a host that is only started puts no key in use: the first write does, and its key stays', async () => {
  const schema = scene.newSchema();
  const mistaken = await scene.open({ schema, key: mistyped });
  assert.is(await mistaken.get('app'), undefined);
  assert.is(await mistaken.exclusively('app', async () => 'ran'), 'ran');
  assert.is(await mistaken.delete('app'), false);
  assert.instance(await errorOf(mistaken.set('too long'.repeat(900), record)), RangeError);
  const store = await scene.open({ schema, key: bytes });
  const late = await scene.open({ schema, key: bytes });
  await store.set('app', record);
  for (const call of [
    () => mistaken.get('app'),
    () => mistaken.set('other', record),
    () => mistaken.replace('other', undefined, record),
    () => mistaken.rekey(otherBytes),
    () => scene.open({ schema, key: mistyped }),
  ]) {
    assert.equal(await codeAndReasonOf(call()), ['STORE_KEY', 'key-wrong'], String(call));
  }
  assert.equal(await late.get('app'), record);
  await store.delete('app');
  assert.equal(await codeAndReasonOf(mistaken.set('app', record)), ['STORE_KEY', 'key-wrong']);
  assert.is(await scene.cluster.query(`SELECT num_nonnulls(record, sealed) FROM ${schema}.oauth_token`), '0');
});

test('of hosts with different keys that write first at the same moment, one has its key in use, and the others store nothing', async () => {
  const schema = scene.newSchema();
  const keys = [bytes, otherBytes, undefined];
  const stores = await Promise.all(keys.map((key) => scene.open({ schema, key })));
  const results = await Promise.allSettled(stores.map((store, index) => store.set(`app ${index}`, record)));
  const first = results.findIndex(({ status }) => status === 'fulfilled');
  assert.equal(
    results.map(({ status }, index) => [status, index === first]),
    keys.map((_, index) => [index === first ? 'fulfilled' : 'rejected', index === first]),
  );
  assert.equal(await (await scene.open({ schema, key: keys[first] })).list(), [`app ${first}`]);
});

test('tables without a record get the key of rekey', async () => {
  const schema = scene.newSchema();
  await (await scene.open({ schema, key: mistyped })).rekey(bytes);
  assert.equal(await codeAndReasonOf(scene.open({ schema, key: mistyped })), ['STORE_KEY', 'key-wrong']);
  const [old, other] = [await scene.open({ schema, key: bytes }), await scene.open({ schema, key: bytes })];
  await old.set('app', record);
  await old.delete('app');
  await other.rekey(undefined);
  assert.equal(await codeAndReasonOf(old.rekey(bytes)), ['STORE_KEY', 'key-changed']);
});

test('a first write whose transaction fails decides nothing', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, key: bytes });
  const refuse = `FUNCTION ${schema}.refuse()`;
  await scene.cluster.query(`CREATE ${refuse} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON ${schema}.oauth_token_meta DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE ${refuse}`);
  await errorOf(store.set('app', record));
  await scene.cluster.query(`DROP ${refuse} CASCADE`);
  await store.set('app', record);
  assert.equal(await store.get('app'), record);
});

for (const [table, isStored] of [
  ['oauth_token', true],
  ['oauth_token_meta', false],
] as const)
  test(`a change of key that the server refuses changes nothing: ${table}`, async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema, key: bytes });
    if (isStored) await store.set('app', record);
    await refuseUpdates(schema, table);
    for (const call of [() => store.rekey(otherBytes), () => store.set('app', record)])
      assert.is((await codeAndReasonOf(call()))[0], 'STORE_OPEN', String(call));
    await scene.cluster.query(`DROP FUNCTION ${schema}.refuse CASCADE`);
    await store.set('app', record);
    assert.equal(await (await scene.open({ schema, key: bytes })).get('app'), record);
  });

test('a change to no key that the server refuses lets no unencrypted token in', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, key: bytes });
  await store.set('app', record);
  await refuseUpdates(schema, 'oauth_token_meta');
  assert.is((await codeAndReasonOf(store.rekey(undefined)))[0], 'STORE_OPEN');
  await scene.cluster.query(`UPDATE ${schema}.oauth_token SET sealed = NULL, record = ${planted}`);
  assert.equal(await codeAndReasonOf(store.get('app')), ['STORE_CORRUPT', 'record-changed']);
});

test('key and record are copied, so that the caller may wipe them', async () => {
  const schema = scene.newSchema();
  const key = Uint8Array.from(bytes);
  const store = await scene.open({ schema, key: otherBytes, otherKeys: [key] });
  key.fill(0);
  const wiped = { ...record };
  const writes = [store.set('app', wiped), store.replace('other', undefined, wiped)];
  wiped.refreshToken = '';
  await Promise.all(writes);
  assert.equal(await store.get('other'), record);
  await (await scene.open({ schema, key: otherBytes })).rekey(bytes);
  assert.equal(await store.get('app'), record);
  const next = new Uint8Array(32).fill(6);
  const changed = store.rekey(next);
  next.fill(0);
  await changed;
  assert.equal(await store.get('app'), record);
});

test('a record that was moved to another name, or changed, is STORE_CORRUPT and never another token', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, key: bytes });
  await store.set('a', record);
  await store.set('b', { refreshToken: 'secret-b' });
  await scene.cluster.query(
    `UPDATE ${schema}.oauth_token SET sealed = (SELECT sealed FROM ${schema}.oauth_token WHERE name = 'b') WHERE name = 'a'`,
  );
  for (const call of [
    () => store.get('a'),
    () => store.rekey(otherBytes),
    () => store.replace('a', 'secret-b', record),
    () => store.replace('a', record.refreshToken, record),
  ]) {
    assert.equal(await codeAndReasonOf(call()), ['STORE_CORRUPT', 'record-changed'], String(call));
  }
  assert.is((await store.get('b'))?.refreshToken, 'secret-b');
});

for (const [kind, change] of [
  ['damaged bytes', "sealed = '\\x00' || substr(sealed, 2)"],
  ['too few bytes', "sealed = '\\x00'"],
  ['plain text', `sealed = NULL, record = ${planted}`],
])
  test(`a record under no key that the tables name is STORE_CORRUPT, because no new key would open it: ${kind}`, async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema, key: bytes });
    await store.set('app', record);
    await scene.cluster.query(`UPDATE ${schema}.oauth_token SET ${change}`);
    const calls = [
      () => store.get('app'),
      () => store.replace('app', 'planted', record),
      () => store.rekey(otherBytes),
    ];
    for (const call of calls)
      assert.equal(await codeAndReasonOf(call()), ['STORE_CORRUPT', 'record-changed'], String(call));
    assert.ok(await store.delete('app'));
    await store.rekey(otherBytes);
  });

for (const [kind, key] of Object.entries({ 'another key': otherBytes, 'no key': undefined }))
  test(`a restored record that is under the key which came with it is STORE_KEY: ${kind}`, async () => {
    const [from, to] = [scene.newSchema(), scene.newSchema()];
    await (await scene.open({ schema: from, key })).set('app', record);
    const store = await scene.open({ schema: to, key: bytes });
    await store.set('other', record);
    for (const table of ['oauth_token', 'oauth_token_meta'])
      await scene.cluster.query(`INSERT INTO ${to}.${table} TABLE ${from}.${table}`);
    for (const call of [() => store.get('app'), () => store.rekey(otherBytes)])
      assert.equal(await codeAndReasonOf(call()), ['STORE_KEY', 'key-changed'], String(call));
    assert.equal(await store.get('other'), record);
  });

test('rekey adds, changes and removes encryption, and keeps every record', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const names = Array.from({ length: 18 }, (_, index) => `app ${index} é \\ ${'x'.repeat(index * 100)}`).sort();
  // Sorted by code point, the second one is the last. Its first UTF-16 unit is less than that of the first one.
  names.push('\uffee', '😀');
  for (const name of names) await store.set(name, { ...record, accessToken: name });
  for (const key of [bytes, otherBytes, undefined]) {
    await store.rekey(key);
    const count = await scene.cluster.query(`SELECT count(*) FROM ${schema}.oauth_token WHERE sealed IS NOT NULL`);
    assert.is(count, key === undefined ? '0' : '20');
    const fresh = await scene.open({ schema, key });
    for (const each of [store, fresh]) {
      assert.equal(await each.list(), names);
      for (const name of names) assert.equal(await each.get(name), { ...record, accessToken: name });
    }
    await fresh.close();
  }
});

/** Reads and writes without a pause until it is told to stop. `twice()`: when it has done so two more times, from start to end. */
function busy(store: PostgresTokenStore, name: string): { twice(): Promise<void>; stop(): Promise<void> } {
  let stopped = false;
  let turn = 0;
  const work = (async () => {
    await store.set(name, { refreshToken: '0' });
    for (; ; turn++) {
      assert.equal(await store.get(name), { refreshToken: String(turn) });
      if (stopped) return;
      assert.ok(await store.replace(name, String(turn), { refreshToken: String(turn + 1) }));
    }
  })();
  work.catch(() => {});
  return {
    twice: async () => {
      // The first of the three may have begun before.
      const goal = turn + 3;
      const deadline = performance.now() + 20_000;
      while (turn < goal) {
        assert.ok(performance.now() < deadline, `${name} is stuck in turn ${turn}`);
        await Promise.race([work, delay(5)]);
      }
    },
    stop: () => {
      stopped = true;
      return work;
    },
  };
}

const keyChanges: [string, Uint8Array | string | undefined, Uint8Array | string | undefined][] = [
  ['from one key to another', bytes, otherBytes],
  ['from no key to one', undefined, bytes],
  ['from a key to none', bytes, undefined],
];
for (const [kind, old, next] of keyChanges) {
  test(`a rolling change ${kind}: every host reads and writes at every moment`, async () => {
    const schema = scene.newSchema();
    const [first, second] = [await scene.open({ schema, key: old }), await scene.open({ schema, key: old })];
    await first.set('app', record);
    await Promise.all([first.close(), second.close()]);
    // Step 1: all hosts get both keys, one after the other. Which one is listed first does not matter.
    const hosts = [
      await scene.open({ schema, key: old, otherKeys: [next] }),
      await scene.open({ schema, key: next, otherKeys: [old] }),
    ];
    const work = hosts.map((host, index) => busy(host, `busy ${index}`));
    await Promise.all(work.map((each) => each.twice()));
    // Step 2: one process changes the key.
    const operator = await scene.open({ schema, key: old });
    await operator.rekey(next);
    await Promise.all(work.map((each) => each.twice()));
    await Promise.all(work.map((each) => each.stop()));
    // Step 3: all hosts get the new key alone.
    const last = await scene.open({ schema, key: next });
    for (const host of [...hosts, last]) assert.equal(await host.get('app'), record);
    const column = next === undefined ? 'sealed' : 'record';
    const wrong = await scene.cluster.query(`SELECT count(*) FROM ${schema}.oauth_token WHERE ${column} IS NOT NULL`);
    assert.is(wrong, '0', 'a record was written under the old key after the change');
  });
}

for (const [kind, next] of Object.entries({ 'another key': otherBytes, 'no key': undefined }))
  test(`a host that has the old key alone can neither read nor write after a change to ${kind}`, async () => {
    const schema = scene.newSchema();
    const old = await scene.open({ schema, key: bytes });
    await old.set('app', record);
    await (await scene.open({ schema, key: bytes })).rekey(next);
    const calls: (() => Promise<unknown>)[] = [
      () => old.get('app'),
      () => old.set('app', { refreshToken: 'lost' }),
      () => old.set('new', record),
      () => old.replace('app', record.refreshToken, { refreshToken: 'lost' }),
      () => old.replace('new', undefined, record),
      () => old.rekey(bytes),
    ];
    for (const call of calls) assert.equal(await codeAndReasonOf(call()), ['STORE_KEY', 'key-changed'], String(call));
    assert.equal(await (await scene.open({ schema, key: next })).get('app'), record);
  });

test.run();
