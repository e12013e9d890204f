// Takes about 10 s.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from 'testing-authority/until';
import { CliHome, openScene } from 'testing-command';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { missingTools, PrivateCluster, TcpProxy, testOrSkip } from 'testing-postgres';
import { openPostgresTokenStore } from 'token-store-postgres';
import * as assert from 'uvu/assert';
import { assertFailed, diagnose } from '../test/fixtures/diagnose.ts';

const missing = missingTools(['initdb', 'postgres']);
const test = testOrSkip(missing);
const cluster = missing === undefined ? await PrivateCluster.start() : (undefined as unknown as PrivateCluster);
test.after(async () => {
  home[Symbol.dispose]();
  await cluster?.[Symbol.asyncDispose]();
});
if (!openTerminal) console.log(noTerminal);

const connectionString = cluster?.connectionString();
const home = new CliHome({ ONEDRIVE_TOKEN_DB: connectionString, ONEDRIVE_TOKEN_APP: 'ada' });
writeFileSync(join(home.folder, 'key'), 'a passphrase', { mode: 0o600 });
const encrypt = ['rekey', '--new-key-file', join(home.folder, 'key')];

/** Signs these people in, in a table of which nothing else is left. By app name: the client id. */
async function signIn(people: Record<string, string>): Promise<void> {
  await cluster.query('DROP TABLE IF EXISTS oauth_token, oauth_token_lease, oauth_token_meta');
  await using store = await openPostgresTokenStore({ connectionString });
  for (const [name, clientId] of Object.entries(people))
    await store.set(name, { refreshToken: `of ${name}`, clientId });
}

async function names(): Promise<string> {
  return cluster.query(
    "SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM oauth_token WHERE record IS NOT NULL",
  );
}

const people = { ada: 'ours', bob: 'ours', eve: 'theirs', mallory: 'others' };

test('logout --all signs out the sign-ins of the client id that is meant, and says how many of how many', async () => {
  for (const [args, left] of [
    [[], 'eve mallory'],
    [['--client-id', 'theirs'], 'ada bob mallory'],
  ] as const) {
    await signIn(people);
    const { status, stdout, stderr } = await home.call(['logout', '--all', '--yes', '--json', ...args]);
    assert.is(status, 0, stderr);
    const count = JSON.parse(stdout).length;
    const [plan = ''] = stderr.split('\n');
    assert.ok(plan.startsWith(`The table oauth_token of ${connectionString} has 4 sign-ins of 3 client ids. `));
    assert.match(plan, new RegExp(`This will sign out ${count} of them, those of client id ${args[1] ?? 'ours'}\\.$`));
    assert.is(await names(), left);
  }
});

test('Ctrl-C while a server keeps a logout waiting: it ends with 130, and the sign-in stays', async () => {
  await signIn(people);
  await using proxy = await TcpProxy.start(cluster.port);
  proxy.delayMs = 300;
  const env = { ONEDRIVE_TOKEN_DB: cluster.connectionString({ port: proxy.port }) };
  const running = home.start(['logout'], { env });
  await until(() => proxy.bytes.client > 0);
  running.child.kill('SIGINT');
  assert.is((await running.ended).status, 130);
  assert.is(await names(), 'ada bob eve mallory');
});

for (const args of [['logout', '--all'], [...encrypt], ['rekey', '--decrypt']]) {
  const call = args.slice(0, 2).join(' ');
  test(`${call} of a table without a terminal and without --yes ends with 2, says what it would do, and does nothing`, async () => {
    await signIn({ ada: 'ours', bob: 'ours' });
    const { status, stdout, stderr } = await home.call(args);
    assert.equal([status, stdout], [2, '']);
    assert.match(stderr, 'has 2 sign-ins of 1 client id. This will ');
    assert.match(stderr, ' all of them. To go on, add --yes\n');
    assert.is(await names(), 'ada bob');
  });
}

test('rekey refuses a table with sign-ins of other client ids, unless it is told that they are meant', async () => {
  await signIn(people);
  for (const args of [[], ['--client-id', 'theirs'], ['--app', 'nobody']]) {
    const { status, stderr } = await home.call([...encrypt, '--yes', ...args]);
    assert.is(status, 2);
    assert.match(stderr, 'has 4 sign-ins of 3 client ids. To encrypt all of them, add --all-clients\n');
  }
  assert.is(await names(), 'ada bob eve mallory');
  const { status, stderr } = await home.call([...encrypt, '--yes', '--all-clients']);
  assert.is(status, 0, stderr);
  assert.match(stderr, 'This will encrypt all of them.\n');
  assert.is(await names(), '');
  // A URL is no path: a folder in the current one may be of another user.
  const trap = join(home.folder, `${connectionString}.keyring.json`);
  mkdirSync(dirname(trap), { recursive: true });
  writeFileSync(trap, '{"account":"of another database"}');
  assert.match((await home.call(['list'])).stderr, 'has encrypted tokens');
  const back = ['rekey', '--decrypt', '--yes', '--all-clients', '--key-file', join(home.folder, 'key')];
  assert.is((await home.call(back)).status, 0);
  assert.is(await names(), 'ada bob eve mallory');
});

test('a sign-in that another program has damaged can be signed out, by its name or with all clients', async () => {
  for (const args of [
    ['--app', 'eve'],
    ['--all', '--all-clients', '--yes'],
  ]) {
    await signIn(people);
    await home.call([...encrypt, '--yes', '--all-clients']);
    await cluster.query(
      "UPDATE oauth_token SET sealed = (SELECT sealed FROM oauth_token WHERE name = 'ada') WHERE name = 'eve'",
    );
    const { status, stderr } = await home.call(['logout', ...args, '--key-file', join(home.folder, 'key')]);
    assert.is(status, 0, stderr);
    assert.match(stderr, 'Signed out of eve.\n');
  }
});

test('logout, login and move leave what is stored of another client id than the one that is named, unless told', async () => {
  await using scene = await openScene();
  const { clientId } = scene.authority;
  const env = { ...scene.home.env, ONEDRIVE_TOKEN_DB: connectionString, ONEDRIVE_TOKEN_APP: 'eve' };
  const file = join(home.folder, 'moved.db');
  for (const [verb, args] of [
    ['delete', ['logout', '--client-id', clientId]],
    ['replace', ['login', '--no-browser', '--client-id', clientId]],
    ['move', ['move', '--to', file, '--client-id', clientId]],
  ] as const) {
    await signIn(people);
    const { status, stdout, stderr } = await home.call(args, { env });
    assert.equal([status, stdout], [2, ''], stderr);
    assert.match(stderr, ` is of client id theirs, not ${clientId}. This will ${verb} it. To go on, add --yes\n`);
    assert.is(await names(), 'ada bob eve mallory');
    assert.is(existsSync(file), false);
  }
  await scene.home.login(['--client-id', clientId, '--yes'], { env });
  assert.is(await cluster.query("SELECT record->>'clientId' FROM oauth_token WHERE name = 'eve'"), clientId);
  // Without a client id, and with that of what is stored, none of another one is meant.
  for (const args of [['logout'], ['logout', '--client-id', 'theirs']]) {
    await signIn(people);
    assert.is((await home.call(args, { env })).status, 0);
    assert.is(await names(), 'ada bob mallory');
  }
});

(openTerminal ? test : test.skip)('on a terminal, the app name of another client id has to be typed', async () => {
  for (const [typed, status, left] of [
    ['ada\r', 2, 'ada bob eve mallory'],
    ['eve\r', 0, 'ada bob mallory'],
  ] as const) {
    await signIn(people);
    using terminal = sit(home, ['logout', '--app', 'eve', '--client-id', 'ours']);
    await terminal.shows(/This will delete it\.[\s\S]*To go on, type the name of the app: /);
    terminal.type(typed);
    assert.is((await terminal.ended).status, status);
    assert.is(await names(), left);
  }
});

(openTerminal ? test : test.skip)('on a terminal, the name of the table has to be typed', async () => {
  await signIn(people);
  for (const [typed, status, left] of [
    ['oauth\r', 2, 'ada bob eve mallory'],
    ['\u0004', 2, 'ada bob eve mallory'],
    ['oauth_token\r', 0, 'eve mallory'],
  ] as const) {
    using terminal = sit(home, ['logout', '--all']);
    await terminal.shows(/This will sign out 2 of them[\s\S]*To go on, type the name of the table: /);
    terminal.type(typed);
    assert.is((await terminal.ended).status, status);
    assert.is(await names(), left);
  }
});

test('docs/fleet.md: with row-level security, login, list, doctor and logout --all know the names of the role alone', async () => {
  const fleet = readFileSync(new URL('../../../docs/fleet.md', import.meta.url), 'utf8');
  const samples = [...fleet.matchAll(/^```sql\n([\s\S]*?)^```/gm)].map(([, sql = '']) => sql);
  await signIn({ billing: 'theirs' });
  await cluster.query(samples.filter((sql) => /CREATE (POLICY|ROLE app)/.test(sql)).join(''));
  await using scene = await openScene();
  const url = cluster.connectionString({ user: 'ada' });
  const options = { env: { ...scene.home.env, ONEDRIVE_TOKEN_DB: url, ONEDRIVE_TOKEN_APP: '' } };
  const clientId = ['--client-id', scene.authority.clientId];
  const refused = await home.call(['login', '--no-browser', ...clientId], options);
  assert.is(refused.status, 7, refused.stderr);
  assert.match(refused.stderr, 'row-level security');
  await scene.home.login(['--app', 'ada', ...clientId], options);
  assert.ok(scene.authority.issuedSecrets.has((await home.call(['--app', 'ada'], options)).stdout.trim()));
  assert.is((await home.call(['list', '--json'], options)).stdout, '["ada"]\n');
  assertFailed(await diagnose(home, { ...options, args: ['--app', 'ada'] }), {});
  const { status, stderr } = await home.call(['logout', '--all', '--yes'], options);
  assert.is(status, 0);
  assert.match(stderr, 'has 1 sign-in of 1 client id. This will sign out all of them.\n');
  assert.is(await names(), 'billing');
});

test.run();
