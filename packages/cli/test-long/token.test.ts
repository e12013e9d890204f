import { readFileSync, writeFileSync } from 'node:fs';
import { openScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('a passphrase comes from a variable or a file; without the right one the status is 7', async () => {
  await using encrypted = await openScene();
  const { home: other } = encrypted;
  const key = 'correct horse battery staple';
  const file = `${other.folder}/key`;
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  await other.login(['--client-id', encrypted.authority.clientId], { env: { ONEDRIVE_TOKEN_KEY: key } });
  const token = (await other.call([], { env: { ONEDRIVE_TOKEN_KEY: key } })).stdout;
  assert.match(token, /^\S+\n$/);
  assert.is((await other.call([], { env: { ONEDRIVE_TOKEN_KEY_FILE: file } })).stdout, token);
  assert.is((await other.call(['--key-file', file], { env: { ONEDRIVE_TOKEN_KEY: 'wrong' } })).stdout, token);
  assert.not.match(readFileSync(other.db, 'latin1'), token.trim());
  for (const env of [{}, { ONEDRIVE_TOKEN_KEY: 'wrong' }]) {
    for (const command of ['token', 'logout']) {
      const { status, stdout, stderr } = await other.call([command], { env });
      assert.is(status, 7);
      assert.is(stdout, '');
      assert.match(stderr, 'ONEDRIVE_TOKEN_KEY');
      assert.not.match(stderr, key);
    }
  }
});

test.run();
