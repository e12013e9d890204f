import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { CliHome, openScene, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

test('a record of the Python class, which has no client id, is refreshed', async () => {
  using other = new CliHome(home.env);
  const source = new DatabaseSync(home.db);
  const { refresh_token: refreshToken } = source.prepare('SELECT refresh_token FROM token').get() ?? {};
  source.close();
  const file = `${other.folder}/tokens.db`;
  const python = new DatabaseSync(file);
  python.exec('CREATE TABLE token (app_name TEXT PRIMARY KEY, refresh_token TEXT)');
  python.prepare('INSERT INTO token VALUES (?, ?)').run('backup', refreshToken ?? null);
  python.close();
  const args = ['--db', file, '--app', 'backup', '--client-id', authority.clientId];
  const { status, stdout } = await other.call(args);
  assert.is(status, 0);
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
  // The other home has used the refresh token.
  await home.login();
});

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
