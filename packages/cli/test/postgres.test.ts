// Takes about 10 s.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UnfinishedUpload } from 'onedrive-graph';
import { bin, CliHome, openScene } from 'testing-command';
import { missingTools, PrivateCluster } from 'testing-postgres';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { UnfinishedUploads } from '../src/commands/api/unfinished-uploads.ts';
import { assertFailed, blockedBy, diagnose } from './fixtures/diagnose.ts';

const missing = missingTools(['initdb', 'postgres', 'psql']);
if (missing !== undefined) console.log(missing);
const test = missing === undefined ? uvuTest : Object.assign((name: string) => uvuTest.skip(name, () => {}), uvuTest);

const password = 'p@ss/w?rd';
const cluster =
  missing === undefined
    ? await PrivateCluster.start({ hba: ['host all ada 127.0.0.1/32 scram-sha-256'] })
    : (undefined as unknown as PrivateCluster);
await cluster?.query(`CREATE ROLE ada LOGIN PASSWORD '${password}'; GRANT ALL ON SCHEMA public TO ada`);
const { home, authority, ...scene } = await openScene();
uvuTest.after(async () => {
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
  assertFailed(checks, {
    'database-rights':
      /this user lacks rights: INSERT ON public\.oauth_token \| .*GRANT INSERT ON public\.oauth_token TO/,
    lock: blockedBy('database-rights'),
    encryption: blockedBy('database-rights'),
    'sign-in': blockedBy('database-rights'),
    'renew-by': blockedBy('database-rights'),
  });
  assertNoPassword(JSON.stringify([...checks.values()]));
  await cluster.query('GRANT INSERT ON oauth_token TO ada');
});

test('status, list, api, exec and completion use the shared sign-in', async () => {
  const status = await home.call(['status'], { env: fleet });
  assert.is(status.status, 0);
  assert.match(status.stdout, `\nDatabase      ${url}\n`);
  assertNoPassword(status.stdout);
  assert.equal(JSON.parse((await home.call(['list', '--json'], { env: fleet })).stdout), ['onedrive-token']);
  assert.is((await home.call(['api', '/me/drive'], { env: fleet })).status, 0);
  const completed = await home.call(['__complete', '--app', ''], { env: fleet });
  assert.is(completed.stdout, 'onedrive-token\t\n');
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

test('the password comes from PGPASSWORD, the password file or the service file', async () => {
  const passFile = join(home.folder, 'pgpass');
  writeFileSync(passFile, `*:*:*:ada:${password.replaceAll(':', String.raw`\:`)}\n`, { mode: 0o600 });
  const serviceFile = join(home.folder, 'services');
  const service = `[tokens]\nhost=127.0.0.1\nport=${cluster.port}\nuser=ada\ndbname=postgres\npassword=${password}\n`;
  writeFileSync(serviceFile, service, { mode: 0o600 });
  for (const [db, env] of [
    [url, { PGPASSWORD: password }],
    [url, { PGPASSFILE: passFile }],
    ['postgresql://', { PGSERVICE: 'tokens', PGSERVICEFILE: serviceFile }],
    ['postgresql://?service=tokens', { PGSERVICEFILE: serviceFile }],
    [`postgres://ada@/postgres?host=127.0.0.1&port=${cluster.port}`, { PGPASSWORD: password }],
  ] as const) {
    const { status, stderr } = await home.call(['status', '--db', db], { env });
    assert.equal([db, status, stderr], [db, 0, '']);
  }
});

test('a wrong password ends with 7, a server that cannot be reached with 6, and neither shows the password', async () => {
  const wrong = cluster.connectionString({ user: 'ada', password: 'wr0ng-password' });
  const refused = await home.call(['--verbose'], { env: { ONEDRIVE_TOKEN_DB: wrong } });
  assert.is(refused.status, 7);
  assert.is(refused.stdout, '');
  assert.not.match(refused.stderr, 'wr0ng');
  const nowhere = cluster.connectionString({ user: 'ada', password, port: 9 });
  for (const command of [['token'], ['status'], ['list'], ['logout'], ['rekey', '--decrypt']]) {
    const { status, stdout, stderr } = await home.call([...command, '--verbose'], {
      env: { ONEDRIVE_TOKEN_DB: nowhere },
    });
    assert.equal([command, status, stdout], [command, 6, '']);
    assert.match(stderr, /^onedrive-token: PostgreSQL at 127\.0\.0\.1:9, database postgres does not answer/);
    assertNoPassword(stderr);
  }
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
  assert.is((await home.call(['rekey', '--new-key-file', keyFile], { env: fleet })).status, 0);
  const without = await home.call([], { env: fleet });
  assert.is(without.status, 7);
  assert.match(without.stderr, `onedrive-token: ${url}: is encrypted. The passphrase comes from ONEDRIVE_TOKEN_KEY`);
  const env = { ...fleet, ONEDRIVE_TOKEN_KEY: 'a passphrase' };
  assert.ok(authority.issuedSecrets.has((await home.call([], { env })).stdout.trim()));
  const dump = await cluster.dump();
  assert.not([...authority.issuedSecrets].some((secret) => dump.includes(secret)));
  assert.equal(JSON.parse((await home.call(['logout', '--json'], { env })).stdout), ['onedrive-token']);
  assert.is((await home.call(['status', ...clientId], { env })).status, 3);
});

uvuTest(
  'if token-store-postgres or pg is missing, the message says how to install both, and the status is 7',
  async () => {
    using other = new CliHome(home.env);
    const installed = join(other.folder, 'node_modules/onedrive-token');
    for (const part of ['bin', 'dist', 'package.json']) {
      cpSync(join(bin, '../..', part), join(installed, part), { recursive: true });
    }
    mkdirSync(join(installed, 'node_modules'));
    for (const name of ['commander', 'onedrive-graph', 'onedrive-token-handler', 'uqr']) {
      symlinkSync(join(bin, '../../node_modules', name), join(installed, 'node_modules', name));
    }
    const db = 'postgresql://ada@127.0.0.1:9/tokens';
    for (const command of ['', 'login --client-id x', 'list']) {
      const run = `'${process.execPath}' '${installed}/bin/onedrive-token.js' ${command} --db '${db}'`;
      const { status, stdout, stderr } = await other.shell(run);
      assert.equal([status, stdout], [7, '']);
      const remedy = 'needs token-store-postgres and pg. Run: npm install --global token-store-postgres pg';
      assert.is(stderr, `onedrive-token: --db ${db} ${remedy}\n`);
    }
  },
);

uvuTest('an unfinished upload is kept in the data folder, for each database and app name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uploads-'));
  const { XDG_DATA_HOME } = process.env;
  process.env.XDG_DATA_HOME = folder;
  const db = 'postgresql://db.example/tokens';
  const uploads = (app: string, shown = db) =>
    new UnfinishedUploads({ app, db: shown, postgresUrl: `${shown}?password=x` });
  const upload = { url: 'https://upload.example/1', expiresAt: 5 } as unknown as UnfinishedUpload;
  uploads('one').set('disk.img', upload);
  assert.equal(uploads('one').get('disk.img'), upload);
  assert.is(uploads('two').get('disk.img'), undefined);
  assert.is(uploads('one', `${db}2`).get('disk.img'), undefined);
  const file = join(folder, 'onedrive-token/postgresql.uploads.json');
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.not.match(readFileSync(file, 'utf8'), 'password');
  if (XDG_DATA_HOME === undefined) delete process.env.XDG_DATA_HOME;
  else process.env.XDG_DATA_HOME = XDG_DATA_HOME;
  rmSync(folder, { recursive: true });
});

uvuTest.run();
