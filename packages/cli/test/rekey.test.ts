import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

async function prints(options: Parameters<typeof home.call>[1]): Promise<boolean> {
  const { status, stdout } = await home.call([], options);
  return status === 0 && authority.issuedSecrets.has(stdout.trim());
}

const first = { env: { ONEDRIVE_TOKEN_KEY: 'first' } };
const second = { env: { ONEDRIVE_TOKEN_KEY: 'second' } };
for (const key of ['first', 'second']) writeFileSync(join(home.folder, key), `${key}\n`, { mode: 0o600 });

test('a passphrase is added and changed, and the sign-in stays', async () => {
  const added = await home.call(['rekey', '--new-key-file', 'first']);
  assert.equal([added.status, added.stderr], [0, `${home.db} is encrypted with the new passphrase.\n`]);
  assert.ok(await prints(first));
  const { status, stdout, stderr } = await home.call(['rekey', '--new-key-file', 'second', '--key-file', 'first']);
  assert.equal([status, stdout], [0, ''], stderr);
  assert.ok(await prints(second));
});

test('a key that is missing or wrong ends with 7, and the message says where the key comes from, in words for a command line', async () => {
  for (const [command, env] of [
    [['status'], {}],
    [['status'], first.env],
    [['rekey', '--decrypt'], first.env],
    // Before it asks for a new one.
    [['rekey', '--encrypt'], first.env],
  ] as const) {
    const { status, stderr } = await home.call(command, { env });
    assert.is(status, 7);
    assert.match(stderr, /tokens\.db: .*ONEDRIVE_TOKEN_KEY or --key-file/);
  }
});

test('a passphrase is removed, and one that is not needed any more ends with 7', async () => {
  assert.match((await home.call(['rekey', '--decrypt'], second)).stderr, /^\S+ is not encrypted any more\.\n$/);
  assert.ok(await prints({}));
  const { status, stderr } = await home.call(['status'], second);
  assert.is(status, 7);
  assert.match(stderr, /tokens\.db: .*ONEDRIVE_TOKEN_KEY .* rekey --encrypt\n$/);
});

test('rekey without a database says so, and creates none', async () => {
  const db = join(home.folder, 'none.db');
  for (const how of ['--decrypt', '--keyring']) {
    const { status, stderr } = await home.call(['rekey', how, '--db', db]);
    assert.is(status, 7);
    assert.match(stderr, `Run: onedrive-token login --db ${db}`);
  }
  assert.not(existsSync(db));
});

test('rekey --encrypt without a terminal ends with 2 and names the option for a file', async () => {
  const { status, stderr } = await home.call(['rekey', '--encrypt']);
  assert.is(status, 2);
  assert.match(stderr, '--new-key-file');
});

test('rekey without a new key, or with more than one, is wrong usage', async () => {
  for (const args of [[], ['--keyring', '--decrypt'], ['--encrypt', '--decrypt'], ['--encrypt', '--keyring']]) {
    assert.is((await home.call(['rekey', ...args])).status, 2);
  }
});

test.run();
