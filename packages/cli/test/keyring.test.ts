// Takes about 4 s.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from 'testing-authority/until';
import { CliHome } from 'testing-command';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { oldestKeyring } from '../src/session/keyring-entry.ts';
import { installAlone } from './fixtures/install-alone.ts';
import { openKeyringScene } from './fixtures/keyring-scene.ts';

const { session, signIn, home, authority, ...scene } = await openKeyringScene();
always.after(() => scene[Symbol.asyncDispose]());

const test = session ? always : always.skip;
const clientId = ['--client-id', authority.clientId];
test('login --keyring encrypts the database with a key that only the keyring has, and later commands find it, if no passphrase is set', async () => {
  using person = await signIn(['--keyring', '--verbose']);
  const key = person.entry.getPassword() ?? '';
  assert.is(Buffer.from(key, 'base64url').length, 32);
  assert.ok(person.isEncrypted());
  assert.ok(await person.works());
  const env = { ONEDRIVE_TOKEN_KEY: 'left over' };
  const reason = 'The key comes from ONEDRIVE_TOKEN_KEY or --key-file; without them from the keyring';
  assert.match((await person.call([], { env })).stderr, reason);
  assert.ok(await person.works({ env: { ...env, ONEDRIVE_TOKEN_KEYRING: '1' } }));
  const said: string[] = [];
  for (const args of [['status'], ['list'], ['api', '/me'], ['exec', '--', 'env'], ['--json'], ['logout']]) {
    const { status, stdout, stderr } = await person[args[0] === 'exec' ? 'run' : 'call']([
      ...args.slice(0, 1),
      '--verbose',
      ...args.slice(1),
    ]);
    assert.is(status, 0, `${args} ${stderr}`);
    said.push(stdout, stderr);
  }
  assert.not.match(said.join(''), key);
  assert.is((await person.call([])).status, 3);
  assert.equal(JSON.parse(readFileSync(`${person.home.db}.keyring.json`, 'utf8')), { account: person.home.db });
});

test('with ONEDRIVE_TOKEN_KEYRING, logout and move make no database and no key of it', async () => {
  using other = new CliHome(home.env);
  for (const args of [['logout'], ['logout', '--all'], ['move', '--to', 'other.db']]) {
    await other.call(args, { env: { ONEDRIVE_TOKEN_KEYRING: '1' } });
    assert.not(existsSync(other.db));
    assert.is(session?.entry(other.db).getPassword(), null);
  }
});

test('before anything is moved into the keyring, it is known that there is a sign-in; what cannot be opened stays as it is', async () => {
  using person = await signIn();
  const unknown = await person.call(['--keyring', '--app', 'nobody']);
  assert.is(unknown.status, 3);
  assert.not(person.isEncrypted());
  assert.is(person.entry.getPassword(), null);
  const env = { ONEDRIVE_TOKEN_KEY: 'a passphrase' };
  using locked = await signIn([], { env });
  const { status, stderr } = await locked.call(['rekey', '--keyring']);
  assert.is(status, 7);
  assert.match(stderr, 'The key comes from ONEDRIVE_TOKEN_KEY or --key-file');
  assert.ok(await locked.works({ env }));
  const moved = await locked.call(['rekey', '--keyring'], { env });
  assert.match(moved.stderr, /tokens\.db is encrypted now; the keyring has the key\.\n$/);
  const key = locked.entry.getPassword() ?? '';
  locked.entry.setPassword('not of this program');
  assert.match((await locked.call([])).stderr, 'is not a key that this program made');
  locked.entry.setPassword(key);
  assert.is((await locked.call(['rekey', '--decrypt'])).status, 0);
  assert.not(existsSync(`${locked.home.db}.keyring.json`));
  assert.ok(await locked.works());
  // A copy of the database may need that key, so no other one takes its place.
  assert.is((await locked.call(['rekey', '--keyring'])).status, 0);
  assert.is(locked.entry.getPassword(), key);
  assert.ok(locked.isEncrypted() && (await locked.works()));
});

test('Ctrl-C ends doctor at once, also after it has asked the keyring', async () => {
  using person = await signIn(['--keyring']);
  authority.fail('graph', { type: 'hang' });
  const before = authority.count('graph');
  const running = person.home.start(['doctor']);
  await until(() => authority.count('graph') !== before);
  running.child.kill('SIGINT');
  const { signal, stderr } = await running.ended;
  authority.clearFaults();
  assert.equal([signal, stderr], ['SIGINT', 'Interrupted.\n']);
});

always('without a desktop session --keyring ends with 7, says what to do and changes nothing', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only on Linux the keyring needs a desktop session');
  const nowhere = { DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: '' };
  using other = new CliHome(home.env);
  await other.login(clientId);
  for (const args of [['--keyring'], ['rekey', '--keyring']]) {
    const { status, stdout, stderr } = await other.run(args, { env: nowhere });
    assert.is(status, 7);
    assert.is(stdout, '');
    assert.match(stderr, /^onedrive-token: .*ONEDRIVE_TOKEN_KEY .*--key-file\n$/);
  }
  assert.is((await other.run([], { env: nowhere })).status, 0);
});

always(
  'if the keyring package is missing or too old, the message says how to install it; a keyring that forgets changes nothing: 7',
  async () => {
    if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
    using other = new CliHome(home.env);
    const { run, modules, peers } = installAlone(other);
    const login = `${run} login --keyring --client-id x`;
    const { status, stdout, stderr } = await other.shell(login);
    assert.is(status, 7);
    assert.is(stdout, '');
    const says =
      /^onedrive-token: --keyring needs @napi-rs\/keyring \S+ or newer\. Run: npm install --global @napi-rs\/keyring@latest\n$/;
    assert.match(stderr, says);

    const old = join(modules, '@napi-rs/keyring');
    mkdirSync(old, { recursive: true });
    writeFileSync(join(old, 'package.json'), '{"version":"1.9.0"}');
    writeFileSync(
      join(old, 'index.js'),
      'exports.AsyncEntry = class { async getPassword() { return null; } async setPassword() { await new Promise((done) => setTimeout(done, 1600)); } }',
    );
    const tooOld = await other.shell(login);
    assert.is(tooOld.status, 7);
    assert.match(tooOld.stderr, says);
    assert.is(peers['@napi-rs/keyring'], `^${oldestKeyring}`);

    // The oldest one that will do, but its binary part does not load.
    const index = readFileSync(join(old, 'index.js'));
    writeFileSync(join(old, 'package.json'), `{"version":"${oldestKeyring}"}`);
    writeFileSync(join(old, 'index.js'), 'throw new Error("no binding")');
    const broken = await other.shell(login);
    assert.is(broken.status, 7);
    assert.match(broken.stderr, /^onedrive-token: @napi-rs\/keyring does not work here: no binding\n$/);
    writeFileSync(join(old, 'index.js'), index);

    // It only claims to store what it gets.
    writeFileSync(join(old, 'package.json'), '{"version":"10.0.0"}');
    await other.login(clientId);
    const forgetful = await other.shell(`${run} rekey --keyring`);
    assert.is(forgetful.status, 7);
    assert.match(forgetful.stderr, /^Waiting for the keyring.*\n.* nothing was changed/);
    assert.not(existsSync(`${other.db}.keyring.json`));
    assert.is((await other.call([])).status, 0);
  },
);

always.run();
