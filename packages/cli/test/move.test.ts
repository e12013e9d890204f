import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

const keyFile = join(home.folder, 'key');
writeFileSync(keyFile, 'a passphrase\n', { mode: 0o600 });

async function prints(args: readonly string[]): Promise<boolean> {
  const { status, stdout } = await home.call(['token', '--no-interactive', ...args]);
  return status === 0 && authority.issuedSecrets.has(stdout.trim());
}

test('a sign-in moves to another file with a key and back, together with its client id', async () => {
  const other = join(home.folder, 'elsewhere/tokens.db');
  const uploads = join(home.db, '../uploads.json');
  const key = `${JSON.stringify([home.db, 'onedrive-token'])}["id","name"]`;
  writeFileSync(uploads, JSON.stringify({ [key]: { expiresAt: Date.now() + 60_000 } }), { mode: 0o600 });
  const there = await home.call(['move', '--to', other, '--to-key-file', keyFile]);
  assert.equal([there.status, there.stdout], [0, '']);
  assert.match(there.stderr, other);
  assert.not.match(there.stderr, 'is not encrypted');
  assert.is(readFileSync(uploads, 'utf8'), '{}\n', 'a logout there would not find them');
  assert.not([...authority.issuedSecrets].some((secret) => readFileSync(other).includes(secret)));
  assert.ok(await prints(['--db', other, '--key-file', keyFile]));
  assert.not(await prints(['--client-id', authority.clientId]));
  const back = await home.call(['--db', other, '--key-file', keyFile, 'move', '--to', home.db]);
  assert.is(back.status, 0, back.stderr);
  assert.match(back.stderr, `\n${home.db} `);
  assert.ok(await prints([]));
  assert.equal((await home.call(['list', '--db', other, '--key-file', keyFile])).stdout, '');
});

test('a sign-in of that name that is already there ends with 1, and nothing changes', async () => {
  const other = join(home.folder, 'other.db');
  await home.login(['--db', other, '--client-id', authority.clientId]);
  const { status, stdout, stderr } = await home.call(['move', '--to', other]);
  assert.equal([status, stdout], [1, '']);
  assert.match(stderr, `${other} `);
  assert.ok(await prints([]));
  assert.ok(await prints(['--db', other]));
  const there = await home.call(['move', '--db', other, '--to', 'next.db']);
  assert.equal([there.status, there.stderr.match(/.+\n/g)?.length], [0, 1], 'neither was encrypted');
});

test('without a sign-in it ends with 3, and no file is made', async () => {
  const other = join(home.folder, 'nothing.db');
  const { status, stderr } = await home.call(['move', '--app', 'nobody', '--to', other]);
  assert.is(status, 3);
  assert.match(stderr, `"nobody" in ${home.db}`);
  assert.not(existsSync(other));
});

test('a wrong key of the other database ends with 7, names the option, and changes nothing', async () => {
  // Encrypted with the key of `keyFile`, and empty.
  const other = join(home.folder, 'elsewhere/tokens.db');
  const wrong = join(home.folder, 'wrong');
  writeFileSync(wrong, 'another passphrase\n', { mode: 0o600 });
  for (const args of [[], ['--to-key-file', wrong]]) {
    const { status, stderr } = await home.call(['move', '--to', other, ...args]);
    assert.is(status, 7);
    assert.match(stderr, '--to-key-file');
  }
  writeFileSync(other, 'no database');
  const { status, stderr } = await home.call(['move', '--to', other, '--to-key-file', keyFile]);
  assert.is(status, 7);
  assert.not.match(stderr, '--to-key-file');
  assert.ok(await prints([]));
});

test('wrong usage ends with 2', async () => {
  // Windows lets only an administrator make a link.
  const link = process.platform === 'win32' ? home.db : join(home.folder, 'link');
  if (link !== home.db) symlinkSync(home.db, link);
  for (const [args, message] of [
    [[], /--to/],
    [['--to', home.db], /^onedrive-token: --to: /],
    [['--to', link], /^onedrive-token: --to: /],
    [['--to', home.db, '--db', link], /^onedrive-token: --to: /],
    [['--to', 'postgresql://ada:s3cret@127.0.0.1/x'], /^onedrive-token: --to: .*PGPASSWORD/],
    [['--to', 'x.db', '--to-key-file', 'nowhere'], /^onedrive-token: --to-key-file: .*nowhere/],
  ] as const) {
    const { status, stderr } = await home.call(['move', ...args]);
    assert.is(status, 2);
    assert.match(stderr, message);
    assert.not.match(stderr, 's3cret');
  }
  assert.ok(await prints([]));
});

test.run();
