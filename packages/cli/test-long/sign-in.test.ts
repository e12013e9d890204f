import { writeFileSync } from 'node:fs';
import { signInAs } from 'testing-authority';
import { CliHome, openScene, type Running } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
test.after(() => scene[Symbol.asyncDispose]());

const clientId = ['--client-id', authority.clientId];

async function addressOf(running: Running): Promise<string> {
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  return address;
}

test('if no browser can be opened, the address is printed and the wait goes on', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', ...clientId], { env: { BROWSER: 'no-such-browser' } });
  await running.says(/No browser could be opened/);
  await signInAs(await addressOf(running));
  assert.is((await running.ended).status, 0);
});

test('each app name has its own sign-in and client id', async () => {
  using other = new CliHome(home.env);
  await other.login(['--app', '__proto__', '--client-id', authority.otherClientId]);
  await other.login(['--app', 'one', ...clientId]);
  const one = await other.call(['--app', 'one']);
  const proto = await other.call(['--app', '__proto__']);
  assert.is(one.status, 0);
  assert.is(proto.status, 0);
  assert.is.not(one.stdout, proto.stdout);
  const { status, stderr } = await other.call(['--app', 'constructor']);
  assert.is(status, 3);
  assert.match(stderr, 'constructor');
});

test('without a display the address is printed, with other ways in', async () => {
  if (process.platform !== 'linux') return console.log('skipped: on other systems than Linux there is a screen');
  using other = new CliHome(home.env);
  const running = other.start(['login', ...clientId], { env: { BROWSER: '' } });
  await running.says(/login --device --client-id/);
  await signInAs(await addressOf(running));
  assert.is((await running.ended).status, 0);
});

test('the passphrase is turned into a key once per command, even if other scopes were granted than asked for', async () => {
  using other = new CliHome({ ...home.env, ONEDRIVE_TOKEN_KEY: 'pass phrase' });
  await other.login(['--scope', 'Files.Read', ...clientId]);
  const count = `const crypto = require('node:crypto');
    const { scryptSync } = crypto;
    let calls = 0;
    crypto.scryptSync = (...args) => (calls++, scryptSync(...args));
    require('node:module').syncBuiltinESMExports();
    process.on('exit', () => require('node:fs').writeSync(2, 'scrypt: ' + calls));`;
  writeFileSync(`${other.folder}/count.cjs`, count);
  const env = { NODE_OPTIONS: `--require=${other.folder}/count.cjs` };
  for (const command of ['token', 'status']) {
    const { status, stderr } = await other.run([command, ...clientId], { env });
    assert.is(status, 0);
    assert.is(stderr, 'scrypt: 1');
  }
});

test.run();
