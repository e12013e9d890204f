import { AsyncResource } from 'node:async_hooks';
import crypto, { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pg from 'pg';
import { issueCertificate } from 'testing-authority';
import { runIn } from 'testing-authority/project';
import { within } from 'testing-authority/within';
import { SmallDisk, testOrSkip } from 'testing-postgres';
import * as assert from 'uvu/assert';
import { cancelStatement } from '../src/connection/pg-client.ts';
import { openPostgresTokenStore, type TokenStoreError } from '../src/index.ts';
import { errorOf } from './attempt.ts';
import { startScene } from './scene.ts';
import { type Fate, UnreliablePool } from './unreliable-pool.ts';

const { scene, test, together } = await startScene({
  hba: [
    'host all locked 127.0.0.1/32 scram-sha-256',
    'host all barred 127.0.0.1/32 reject',
    'host all hashed 127.0.0.1/32 md5',
  ],
});

const folder = mkdtempSync(join(tmpdir(), 'connection-'));
process.once('exit', () => rmSync(folder, { recursive: true }));

const record = { refreshToken: 'secret-refresh', accessToken: 'secret-access' };

/** Runs `work` with these environment variables. */
async function withEnvironment<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    process.env = before;
  }
}

function writeFile(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
}

async function lockedRole(): Promise<void> {
  await scene.cluster.query(
    "DO $$ BEGIN CREATE ROLE locked SUPERUSER LOGIN PASSWORD 's3cret-password'; CREATE ROLE outsider LOGIN; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
  );
}

const sessionsOf = (name: string): Promise<string> =>
  scene.cluster.query(`SELECT count(*) FROM pg_stat_activity WHERE application_name = '${name}'`);

test('without options, the PG* environment variables say where the database is', async () => {
  await lockedRole();
  const variables = {
    PGHOST: '127.0.0.1',
    PGPORT: String(scene.cluster.port),
    PGUSER: 'locked',
    PGDATABASE: 'postgres',
    PGPASSWORD: 's3cret-password',
  };
  await withEnvironment(variables, async () => {
    await using store = await openPostgresTokenStore();
    await store.set('app', record);
    assert.equal(await store.get('app'), record);
    assert.is(await sessionsOf('token-store-postgres'), '1');
  });
});

test('without pg, the error says what to install, and one that does not work says why itself', async () => {
  const own = fileURLToPath(new URL('..', import.meta.url));
  const [modules, installed] = [join(folder, 'node_modules'), join(folder, 'node_modules/token-store-postgres')];
  for (const part of ['dist', 'package.json']) cpSync(join(own, part), join(installed, part), { recursive: true });
  symlinkSync(join(own, 'node_modules/token-store-kit'), join(modules, 'token-store-kit'), 'junction');
  writeFile(
    'open.mjs',
    "import { openPostgresTokenStore } from 'token-store-postgres';\n" +
      'openPostgresTokenStore().catch(({ code, reason, message }) => console.log(code, reason, message));',
  );
  assert.match((await runIn(folder, 'open.mjs')).stdout, /^STORE_OPEN no-driver .*pg, which is not installed/);
  mkdirSync(join(modules, 'pg'));
  writeFile('node_modules/pg/index.js', "throw new Error('broken')");
  assert.is((await runIn(folder, 'open.mjs')).stdout, 'undefined undefined broken\n');
});

test('the password comes from the password file, unless others can read that', async () => {
  await lockedRole();
  const { port } = scene.cluster;
  const lines = `# comment\nother:*:*:*:wrong\n127.0.0.1:${port}:*:locked:s3cret-password\n`;
  const options = { schema: scene.newSchema(), connectionString: scene.cluster.connectionString({ user: 'locked' }) };
  await withEnvironment({ PGPASSFILE: writeFile('pgpass', lines) }, async () => {
    await using store = await openPostgresTokenStore(options);
    await store.set('app', record);
    const changes = store.changed('app', { timeout: 60_000 });
    await delay(300);
    await store.set('app', { refreshToken: 'second' });
    await within('the change, by a connection that listens', changes, 30_000);
  });
  await withEnvironment({ PGPASSFILE: writeFile('pgpass-open', lines, 0o644) }, async () => {
    const error = await errorOf(openPostgresTokenStore(options));
    assert.is(error.code, 'STORE_OPEN');
  });
});

test('a connection that was closed and a lock that was released are not kept in memory', async () => {
  const pool = scene.newPool('used once', { maxUses: 1 });
  const store = await scene.open({ pool });
  const [clients, locks]: [WeakRef<object>[], WeakRef<object>[]] = [[], []];
  pool.on('connect', (client) => clients.push(new WeakRef(client)));
  for (let round = 0; round < 10; round++)
    await store.exclusively('app', async (lock) => void locks.push(new WeakRef(lock)));
  await delay(10);
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  for (const refs of [clients, locks]) assert.ok(refs.filter((ref) => ref.deref()).length < refs.length / 2);
});

const portOf = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return (server.address() as { port: number }).port;
};

/** It takes all that is sent, also the end, and says nothing. */
const silentPort = () => portOf(createServer({ allowHalfOpen: true }, (socket) => socket.unref().resume()));

const unreachablePort = async (): Promise<number> => {
  const server = createServer();
  const port = await portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

/** As a pg_hba.conf with the method `gss` has it: AuthenticationGSS. */
const askForKerberos = (socket: Socket): void => {
  socket.on('error', () => {}).once('data', () => socket.write(Buffer.from('R\0\0\0\x08\0\0\0\x07')));
};
const kerberosPort = () => portOf(createServer(askForKerberos));
const kerberosTlsPort = () => {
  const secureContext = createSecureContext(issueCertificate());
  const accept = (socket: Socket): void => {
    socket.write('S');
    askForKerberos(new TLSSocket(socket, { isServer: true, secureContext }));
  };
  return portOf(createServer((socket) => socket.once('data', () => accept(socket))));
};

const password = 's3cret-password';
const url = (options: object): string => scene.cluster.connectionString({ password, ...options });
const failures: [kind: string, connectionString: () => string | Promise<string>, reason: string][] = [
  ['no server', async () => url({ port: await unreachablePort() }), 'unreachable'],
  ['no such host', () => url({ host: 'nowhere.invalid' }), 'unreachable'],
  ['no such socket folder', () => 'postgresql://postgres:s3cret-password@/postgres?host=/nowhere', 'unreachable'],
  ['no password', () => url({ user: 'locked', password: '' }), 'no-permission'],
  ['a wrong password', () => url({ user: 'locked', password: 's3cret-wrong' }), 'no-permission'],
  ['a role that pg_hba.conf refuses', () => url({ user: 'barred' }), 'no-permission'],
  ['a role that may not connect', () => url({ user: 'outsider' }), 'no-permission'],
  ['no such database', () => url({}).replace(/postgres$/, 'missing'), 'no-database'],
  ['no such port', () => `${url({})}?port=70000`, 'unreachable'],
  ['a server that asks for Kerberos', async () => url({ port: await kerberosPort() }), 'unreachable'],
  ['the same over TLS', async () => `${url({ port: await kerberosTlsPort() })}?sslmode=no-verify`, 'unreachable'],
  ['a server without TLS', () => `${url({})}?sslmode=verify-full`, 'unreachable'],
];

for (const [kind, connectionString, reason] of failures) {
  together(`${kind}: STORE_OPEN (${reason}) at once, which names the server and no password`, async () => {
    await lockedRole();
    const error = await errorOf(openPostgresTokenStore({ connectionString: await connectionString() }));
    assert.equal([error.code, error.reason], ['STORE_OPEN', reason], error.message);
    assert.match(error.message, /^PostgreSQL at \S+:\d+, database \w+ /);
    assert.not.match(error.message, 'timeout');
    assert.not.match(inspect(error, { depth: 10, showHidden: true }), 's3cret');
  });
}

test('a password that cannot be hashed, as on a system without MD5, fails the call', async () => {
  await scene.cluster.query("SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'x'");
  const { createHash } = crypto;
  crypto.createHash = (name, options) => createHash(name === 'md5' ? 'unsupported' : name, options);
  try {
    const error = await errorOf(openPostgresTokenStore({ connectionString: url({ user: 'hashed' }) }));
    assert.equal([error.code, error.reason], ['STORE_OPEN', 'unreachable']);
    assert.not.match(error.message, 'timeout');
  } finally {
    crypto.createHash = createHash;
  }
});

test('without the name of a user, as in a container, the message names no database', async () => {
  const { user } = pg.defaults;
  pg.defaults.user = undefined as never;
  try {
    const port = await unreachablePort();
    const error = await errorOf(openPostgresTokenStore({ connectionString: `postgresql://127.0.0.1:${port}` }));
    assert.ok(error.message.startsWith(`PostgreSQL at 127.0.0.1:${port} does not answer`), error.message);
  } finally {
    pg.defaults.user = user as string;
  }
});

for (const isOwn of [true, false]) {
  together(
    `${isOwn ? 'its own' : 'your'} pool: a file of the URL that is away for a while fails the calls that connect`,
    async () => {
      const file = writeFile(`ca-${isOwn}.pem`, '');
      const schema = scene.newSchema();
      const connectionString = `${scene.cluster.connectionString()}?sslmode=disable&sslrootcert=${file}`;
      const options = () =>
        isOwn ? { schema, connectionString } : { schema, pool: scene.newPool('a file', { connectionString }) };
      const isOfFile = ({ code, reason, message }: TokenStoreError): boolean =>
        code === 'STORE_OPEN' && reason === 'unreachable' && message.includes(`open ENOENT ${file}`);
      const store = await scene.open(options());
      await store.set('app', record);
      rmSync(file);
      assert.ok(isOfFile(await errorOf(openPostgresTokenStore(options()))));
      // There is one connection. For another one, pg-pool calls pg in a tick of its own, which a pool of the caller's does not survive.
      const lists = await Promise.allSettled(isOwn ? [store.list(), store.list(), store.list()] : [store.list()]);
      const errors = lists.flatMap((list) => (list.status === 'rejected' ? [list.reason] : []));
      assert.ok(errors.length === (isOwn ? 2 : 0) && errors.every(isOfFile), String(errors));
      // It connects in order to listen, and looks instead.
      const change = store.changed('app', { timeout: 20_000 });
      await delay(200);
      writeFile(`ca-${isOwn}.pem`, '');
      const other = await scene.open({ schema });
      await other.set('app', { refreshToken: 'second' });
      await within('the change', change, 10_000);
      assert.equal(await Promise.all([store.list(), store.list()]), [['app'], ['app']]);
    },
  );
}

for (const [kind, port] of Object.entries({ refused: unreachablePort, 'not answered': silentPort }))
  together(`to ask for the end of a statement takes about a second at most, if it is ${kind}`, async () => {
    const client = { host: '127.0.0.1', port: await port(), processID: 1, secretKey: 1 };
    await within('its end', cancelStatement(client), 5_000);
  });

for (const [state, check] of [
  // Its details quote the whole row.
  ['23514', "record->>'refreshToken' <> 'secret-second'"],
  // Its message quotes the value.
  ['22P02', "(record->>'refreshToken')::int > 0"],
])
  together(`an error of a statement has neither the statement nor a value in it: ${state}`, async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema });
    await store.set('app', record);
    await scene.cluster.query(`ALTER TABLE ${schema}.oauth_token ADD CHECK (${check}) NOT VALID`);
    const error = await errorOf(store.set('app', { ...record, refreshToken: 'secret-second' }));
    assert.is(error.code, 'STORE_OPEN');
    assert.match(error.message, `SQLSTATE ${state}`);
    const all = inspect(error, { depth: 10, showHidden: true });
    assert.not.match(all, /secret-|INSERT|UPDATE/);
  });

together('what is wrong at the server becomes a code and a reason', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.set('app', record);
  for (const [state, ...expected] of [
    ['58030', 'STORE_OPEN', 'disk'],
    ['25006', 'STORE_READONLY', 'read-only-server'],
    ['XX001', 'STORE_CORRUPT', 'damaged'],
    ['53300', 'STORE_OPEN', 'unreachable'],
  ]) {
    await scene.cluster.query(`CREATE OR REPLACE FUNCTION ${schema}.fail() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${state}'; END $$;
      CREATE OR REPLACE TRIGGER fail BEFORE UPDATE ON ${schema}.oauth_token EXECUTE FUNCTION ${schema}.fail()`);
    const { code, reason } = await errorOf(store.set('app', record));
    assert.equal([code, reason], expected, state);
  }
});

const noDisk = scene && SmallDisk.missing();
const onDisk = noDisk === undefined ? together : testOrSkip(noDisk);

onDisk(
  'a disk that is really full is STORE_FULL, the record is as it was, and a free block later it works',
  async () => {
    const disk = scene.closeLater(SmallDisk.create(2));
    const schema = scene.newSchema();
    const store = await scene.open({ schema });
    await store.set('app', record);
    await scene.cluster.query(`CREATE TABLESPACE small LOCATION '${disk.folder}'`);
    await scene.cluster.query(`ALTER TABLE ${schema}.oauth_token SET TABLESPACE small`);
    disk.fill();
    // Not even compressed does it fit into a page that is there already.
    const large = { ...record, idToken: randomBytes(100_000).toString('base64') };
    for (const write of [() => store.replace('app', record.refreshToken, large), () => store.set('app', large)]) {
      const error = await errorOf(write());
      assert.is(error.code, 'STORE_FULL');
      assert.match(error.message, 'No space left on device');
      assert.equal(await store.get('app'), record);
    }
    disk.free();
    assert.ok(await store.replace('app', record.refreshToken, large));
    assert.equal(await store.get('app'), large);
  },
);

together('a pool of the caller with one connection is never held for a wait or a task', async () => {
  const pool = new pg.Pool({ connectionString: scene.cluster.connectionString(), max: 1 });
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ pool, schema, leaseTime: 500 }), await scene.open({ schema })];
  await store.set('app', record);
  const change = store.changed('app', { timeout: 10_000 });
  await store.exclusively('app', async () => {
    await delay(600);
    assert.equal(await store.get('app'), record);
    await other.set('other', record);
  });
  await other.set('app', { refreshToken: 'second' });
  await within('the change', change);
  await store.close();
  await pool.end();
});

together('a pool that reads every type in its own way changes nothing', async () => {
  const types = { getTypeParser: () => () => 'parsed' };
  const pool = new pg.Pool({ connectionString: scene.cluster.connectionString(), types: types as never });
  const store = await scene.open({ pool, key: new Uint8Array(32) });
  await store.set('app', { ...record, expiresAt: 5 });
  assert.equal(await store.get('app'), { ...record, expiresAt: 5 });
  assert.is(await store.exclusively('app', () => store.replace('app', record.refreshToken, record)), true);
  await store.close();
  await pool.end();
});

/** As a standby does: it refuses to listen, and the connection stays. */
class Refusing extends pg.Client {
  override query(...[text, ...others]: never[]): never {
    return super.query(String(text).replace(/^LISTEN/, 'DISCARD LISTEN'), ...others) as never;
  }
}

for (const [what, Client] of Object.entries({ 'makes no connection': undefined, 'is refused': Refusing })) {
  together(`a pool that ${what} to listen: it looks about once a second`, async () => {
    const schema = scene.newSchema();
    const pool = scene.newPool('no client');
    const plain = new Proxy(pool, {
      get: (_, key) => (key === 'Client' ? Client : (Reflect.get(pool, key).bind?.(pool) ?? Reflect.get(pool, key))),
    });
    const [store, other] = [await scene.open({ schema, pool: plain }), await scene.open({ schema })];
    await store.set('app', record);
    let looks = 0;
    pool.on('acquire', () => looks++);
    const started = performance.now();
    const change = store.changed('app', { timeout: 30_000 });
    await delay(500);
    await other.set('app', { refreshToken: 'second' });
    await within('the change', change, 3_500);
    const seconds = (performance.now() - started) / 1_000;
    assert.ok(looks <= 2 + seconds, `${looks} looks in ${seconds} s`);
    const left = "application_name = 'no client' AND query LIKE 'DISCARD LISTEN%'";
    assert.is(await scene.cluster.query(`SELECT count(*) FROM pg_stat_activity WHERE ${left}`), '0');
    await store.close();
    assert.match((await errorOf(store.get('app'))).message, Client ? /^PostgreSQL at / : /^PostgreSQL: /);
  });
}

together('the own pool has three connections', async () => {
  const store = await scene.open({ connectionString: `${scene.cluster.connectionString()}?application_name=three` });
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => store.set(name, record)));
  assert.is(await sessionsOf('three'), '3');
});

together('close() lets calls that are under way end', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  const writes = ['a', 'b', 'c', 'd'].map((name) => store.set(name, record));
  await store.close();
  await Promise.all(writes);
  assert.equal(await other.list(), ['a', 'b', 'c', 'd']);
});

together('close() lets a call end that tries again', async () => {
  const fates: Fate[] = [];
  const tried = Promise.withResolvers<void>();
  const decide = (): Fate => {
    const fate = fates.shift() ?? { type: 'normal' };
    if (fate.type === 'lost' && fates.length === 0) tried.resolve();
    return fate;
  };
  const pool = new UnreliablePool(scene.cluster.connectionString(), decide);
  const store = await scene.open({ pool });
  fates.push({ type: 'lost' }, { type: 'lost' });
  let isDone = false;
  const writing = store.set('app', record).finally(() => {
    isDone = true;
  });
  await tried.promise;
  await store.close();
  assert.ok(isDone);
  await writing;
  await pool.end();
});

together('close() ends callers that wait, keeps the lock of a running task, and may be called again', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  await store.set('app', record);
  const begun = Promise.withResolvers<void>();
  const ending = Promise.withResolvers<void>();
  // What a task has left does not close within it any more.
  const close = await store.exclusively('ended', async () => AsyncResource.bind(() => store.close()));
  const task = store.exclusively('app', async () => {
    begun.resolve();
    await ending.promise;
  });
  await begun.promise;
  const waiting = [store.exclusively('app', async () => 1), store.changed('app', { timeout: 30_000 })];
  const closed = close();
  for (const call of [...waiting, store.get('app'), store.exclusively('new', async () => 1)]) {
    const error = await errorOf(call);
    assert.equal([error.code, error.reason], ['STORE_OPEN', 'closed']);
  }
  assert.is((await errorOf(other.exclusively('app', async () => 1, { timeout: 0 }))).code, 'STORE_BUSY');
  ending.resolve();
  await within('close()', Promise.all([task, closed, store.close()]), 30_000);
  assert.is(await other.exclusively('app', async () => 'free', { timeout: 0 }), 'free');
});

together('close() within a task waits for the other tasks, and not for that one', async () => {
  const schema = scene.newSchema();
  const [store, host] = [await scene.open({ schema }), await scene.open({ schema })];
  const [begun, ending] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const other = store.exclusively('other', async () => {
    begun.resolve();
    await ending.promise;
  });
  await begun.promise;
  const closing = store.exclusively('app', async () => {
    const closed = store.close();
    await Promise.race([closed, delay(100)]);
    ending.resolve();
    await closed;
  });
  await within('the tasks', Promise.all([closing, other]), 3_000);
  assert.is(await host.exclusively('other', async () => 'free', { timeout: 0 }), 'free');
});

test.run();
