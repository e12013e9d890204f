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

test('a passphrase is added, changed and removed, and the sign-in stays', async () => {
  writeFileSync(join(home.folder, 'first'), 'first\n', { mode: 0o600 });
  writeFileSync(join(home.folder, 'second'), 'second\n', { mode: 0o600 });
  const first = { env: { ONEDRIVE_TOKEN_KEY: 'first' } };
  const second = { env: { ONEDRIVE_TOKEN_KEY: 'second' } };
  assert.is((await home.call(['rekey', '--new-key-file', 'first'])).status, 0);
  assert.ok(await prints(first));
  const { status, stdout, stderr } = await home.call(['rekey', '--new-key-file', 'second', '--key-file', 'first']);
  assert.is(status, 0, stderr);
  assert.is(stdout, '');
  assert.match(stderr, /encrypted with the new passphrase\.\n$/);
  assert.ok(await prints(second));
  assert.is((await home.call(['rekey', '--decrypt'], first)).status, 7);
  assert.is((await home.call(['rekey', '--decrypt'], second)).status, 0);
  assert.ok(await prints({}));
});

test('a key that is missing, wrong or not needed ends with 7, and the message says where the key comes from, in words for a command line', async () => {
  const right = { env: { ONEDRIVE_TOKEN_KEY: 'right' } };
  const plain = await home.call(['status'], right);
  assert.is(plain.status, 7);
  assert.match(plain.stderr, /tokens\.db: is not encrypted\. Leave out .* rekey --encrypt\n$/);
  writeFileSync(join(home.folder, 'right'), 'right', { mode: 0o600 });
  await home.call(['rekey', '--new-key-file', 'right']);
  for (const [env, says] of [
    [{}, /tokens\.db: is encrypted\. The key comes from ONEDRIVE_TOKEN_KEY /],
    [{ ONEDRIVE_TOKEN_KEY: 'wrong' }, /tokens\.db: is encrypted with another key\. The key comes from /],
  ] as const) {
    const { status, stderr } = await home.call(['status'], { env });
    assert.is(status, 7);
    assert.match(stderr, says);
  }
});

test('rekey without a database says so, and creates none', async () => {
  const db = join(home.folder, 'none.db');
  for (const how of ['--decrypt', '--keyring']) {
    const { status, stderr } = await home.call(['rekey', how, '--db', db]);
    assert.is(status, 7);
    assert.match(stderr, `there is no database ${db}`);
    assert.match(stderr, `onedrive-token login --db ${db}`);
  }
  assert.not(existsSync(db));
});

test('rekey --encrypt without a terminal ends with 2 and names the option for a file', async () => {
  await home.call(['rekey', '--decrypt'], { env: { ONEDRIVE_TOKEN_KEY: 'right' } });
  const { status, stderr } = await home.call(['rekey', '--encrypt']);
  assert.is(status, 2);
  assert.match(stderr, 'Use --new-key-file');
});

test('rekey without a new key, or with more than one, is wrong usage', async () => {
  for (const args of [[], ['--keyring', '--decrypt'], ['--encrypt', '--decrypt'], ['--encrypt', '--keyring']]) {
    assert.is((await home.call(['rekey', ...args])).status, 2);
  }
});

test.run();
