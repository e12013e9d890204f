// Takes about 5 s.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliHome, openScene } from 'testing-command';
import { missingTools, PrivateCluster, testOrSkip } from 'testing-postgres';
import * as assert from 'uvu/assert';
import { assertFailed, diagnose } from '../test/fixtures/diagnose.ts';

const missing = missingTools(['initdb', 'postgres', 'psql']);
const test = testOrSkip(missing);

const password = 'p@ss/w?rd';
const cluster =
  missing === undefined
    ? await PrivateCluster.start({ hba: ['host all ada 127.0.0.1/32 scram-sha-256'] })
    : (undefined as unknown as PrivateCluster);
await cluster?.query(`CREATE ROLE ada LOGIN PASSWORD '${password}'; GRANT ALL ON SCHEMA public TO ada`);
const { home, authority, ...scene } = await openScene();
test.after(async () => {
  await scene[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

const url = cluster?.connectionString({ user: 'ada' });
const withPassword = cluster?.connectionString({ user: 'ada', password });
/** Every host of a fleet has this environment. */
const fleet = { ONEDRIVE_TOKEN_DB: withPassword };
const clientId = ['--client-id', authority.clientId];

function assertNoPassword(text: string): void {
  assert.not.match(text, password);
  assert.not.match(text, encodeURIComponent(password));
}

const tableCount = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'oauth_token%'";

test('status, list and completion make no table in a database that has none', async () => {
  assert.is((await home.call(['status'], { env: fleet })).status, 3);
  assert.equal((await home.call(['list', '--json'], { env: fleet })).stdout, '[]\n');
  assert.is((await home.call(['status'], { env: { ...fleet, ONEDRIVE_TOKEN_KEY: 'a passphrase' } })).status, 3);
  await home.call(['__complete', '--app', ''], { env: fleet });
  assert.is(await cluster.query(tableCount), '0');
});

test('login with what is no client id of Microsoft makes no table either', async () => {
  const authority = ['--authority', 'https://login.microsoftonline.com/consumers'];
  const { status, stderr } = await home.call(['login', '--client-id', 'x', ...authority], { env: fleet });
  assert.equal([status, /"x" is no client id/.test(stderr)], [2, true], stderr);
  assert.is(await cluster.query(tableCount), '0');
});

test('doctor and login of a role that may not make the tables say who can', async () => {
  await cluster.query('CREATE ROLE host LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  const env = { ONEDRIVE_TOKEN_DB: cluster.connectionString({ user: 'host' }) };
  assertFailed(
    await diagnose(home, { env }),
    {
      'database-rights':
        /no tables yet, and this user lacks rights: CREATE ON SCHEMA public \| Run login once as the owner/,
    },
    { 'database-rights': ['lock', 'sign-in'] },
  );
  const { status, stderr } = await home.call(['login', '--no-browser', ...clientId], { env });
  assert.is(status, 7);
  assert.match(stderr, /does not let this role write .* open the store once as the owner/);
});

test('login on one machine signs the others in, and leaves no files', async () => {
  const { stderr } = await home.login(clientId, { env: fleet });
  assert.match(stderr, /Signed in as Someone/);
  using pod = new CliHome(home.env);
  const { status, stdout } = await pod.call([], { env: { ...fleet, ONEDRIVE_TOKEN_AUTHORITY: '' } });
  assert.is(status, 0);
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
  assert.not(existsSync(join(home.folder, 'data')));
  assert.not(existsSync(join(pod.folder, 'data')));
});

test('doctor checks the server, the rights, the locks and the sign-in, and names a right that is missing', async () => {
  assertFailed(await diagnose(home, { env: fleet }), {});
  await cluster.query('REVOKE INSERT ON oauth_token FROM ada');
  const checks = await diagnose(home, { env: fleet });
  assertFailed(
    checks,
    {
      'database-rights':
        /this user lacks rights: INSERT ON public\.oauth_token \| .*GRANT INSERT ON public\.oauth_token TO/,
    },
    { 'database-rights': ['lock', 'sign-in'] },
  );
  assertNoPassword(JSON.stringify([...checks.values()]));
  await cluster.query('GRANT INSERT ON oauth_token TO ada');
});

const pooled = missingTools(['pgbouncer']) === undefined ? test : testOrSkip(missingTools(['pgbouncer']));
pooled(
  'doctor finds a pgbouncer that waits long before it connects again, and says nothing of one that it may not ask',
  async () => {
    const diagnosePooler = async (settings: readonly string[]) => {
      await using bouncer = await cluster.startPgBouncer({ users: ['postgres'], settings });
      return await diagnose(home, { env: { ONEDRIVE_TOKEN_DB: bouncer.connectionString() } });
    };
    const slow = /server_login_retry of 15 s: .* \| Set server_login_retry = 1 in pgbouncer\.ini/;
    assertFailed(await diagnosePooler(['stats_users = postgres', 'server_login_retry = 15']), { pooler: slow });
    for (const [settings, says] of [
      [['stats_users = postgres'], 'pgbouncer, with a server_login_retry of 1 s'],
      [
        ['server_login_retry = 15'],
        'one whose settings this user cannot read; pgbouncer shows them to a user in its stats_users',
      ],
    ] as const) {
      const checks = await diagnosePooler(settings);
      assertFailed(checks, {});
      assert.is(checks.get('pooler')?.detail, says);
    }
  },
);

test('doctor says whose tables there are, if they are not ours, or newer', async () => {
  for (const [change, undo, says] of [
    ['version = 2', 'version = 1', /of a newer version of token-store-postgres .*\| Run: npm install/],
    [
      "package = 'other'",
      "package = 'token-store-postgres'",
      /tables of another program .*oauth_token.* \| Name another database with --db$/,
    ],
  ] as const) {
    await cluster.query(`UPDATE oauth_token_meta SET ${change}`);
    const checks = await diagnose(home, { env: fleet });
    await cluster.query(`UPDATE oauth_token_meta SET ${undo}`);
    assertFailed(checks, { 'sign-in': says });
  }
});

test('status, list, api and exec use the shared sign-in', async () => {
  const status = await home.call(['status'], { env: fleet });
  assert.is(status.status, 0);
  assert.match(status.stdout, `\nDatabase      ${url}\n`);
  assertNoPassword(status.stdout);
  assert.equal(JSON.parse((await home.call(['list', '--json'], { env: fleet })).stdout), ['onedrive-token']);
  assert.is((await home.call(['api', '/me/drive'], { env: fleet })).status, 0);
});

test('a program that exec runs gets the token, and not a URL with a password', async () => {
  const script = 'echo "$ONEDRIVE_TOKEN_DB"; echo "$ONEDRIVE_TOKEN"';
  const [db, token = ''] = (await home.run(['exec', '--', 'sh', '-c', script], { env: fleet })).stdout.split('\n');
  assert.is(db, '');
  assert.ok(authority.issuedSecrets.has(token));
  const other = await home.run(['exec', '--', 'sh', '-c', script], {
    env: { ONEDRIVE_TOKEN_DB: url, PGPASSWORD: password },
  });
  assert.is(other.stdout.split('\n')[0], url);
});

test('the password comes from PGPASSWORD or the password file', async () => {
  const passFile = join(home.folder, 'pgpass');
  writeFileSync(passFile, `*:*:*:ada:${password.replaceAll(':', String.raw`\:`)}\n`, { mode: 0o600 });
  for (const [db, env] of [
    [url, { PGPASSWORD: password }],
    [url, { PGPASSFILE: passFile }],
    [`postgres://ada@/postgres?host=127.0.0.1&port=${cluster.port}`, { PGPASSWORD: password }],
  ] as const) {
    const { status, stderr } = await home.call(['status', '--db', db], { env });
    assert.equal([db, status, stderr], [db, 0, '']);
  }
});

test('a wrong password ends with 7, and is not shown', async () => {
  const wrong = cluster.connectionString({ user: 'ada', password: 'wr0ng-password' });
  const refused = await home.call(['--verbose'], { env: { ONEDRIVE_TOKEN_DB: wrong } });
  assert.is(refused.status, 7);
  assert.is(refused.stdout, '');
  assert.not.match(refused.stderr, 'wr0ng');
});

test('move takes a sign-in from a file to PostgreSQL and back', async () => {
  const file = ['--app', 'moved', '--db', join(home.folder, 'moved.db')];
  await home.login([...file, ...clientId]);
  const env = { PGPASSWORD: password };
  const shared = ['--app', 'moved', '--db', url];
  const there = await home.call(['move', ...file, '--to', url], { env });
  assert.equal([there.status, there.stderr], [0, `Moved the sign-in of moved to ${url}.\n`]);
  assert.ok(authority.issuedSecrets.has((await home.call(shared, { env })).stdout.trim()));
  assert.is((await home.call(['status', ...file, ...clientId])).status, 3);
  const back = await home.call(['move', ...shared, '--to', join(home.folder, 'moved.db')], { env });
  assert.equal([back.status, back.stdout], [0, '']);
  assert.ok(authority.issuedSecrets.has((await home.call(file)).stdout.trim()));
  assert.is((await home.call(['status', ...shared, ...clientId], { env })).status, 3);
});

test('rekey encrypts the database for every machine, and logout ends the sign-in of all', async () => {
  const keyFile = join(home.folder, 'key');
  writeFileSync(keyFile, 'a passphrase', { mode: 0o600 });
  assert.is((await home.call(['rekey', '--new-key-file', keyFile, '--yes'], { env: fleet })).status, 0);
  const without = await home.call([], { env: fleet });
  assert.is(without.status, 7);
  assert.match(without.stderr, 'database postgres has encrypted tokens. The key comes from ONEDRIVE_TOKEN_KEY');
  const env = { ...fleet, ONEDRIVE_TOKEN_KEY: 'a passphrase' };
  assert.ok(authority.issuedSecrets.has((await home.call([], { env })).stdout.trim()));
  const dump = await cluster.dump();
  assert.not([...authority.issuedSecrets].some((secret) => dump.includes(secret)));
  assert.equal(JSON.parse((await home.call(['logout', '--json'], { env })).stdout), ['onedrive-token']);
  assert.is((await home.call(['status', ...clientId], { env })).status, 3);
});

test.run();
