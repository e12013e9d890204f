import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CliHome, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertFailed, diagnose } from './fixtures/diagnose.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

test('a folder in which others can replace the file, and a sign-in that ends soon', async () => {
  const folder = join(home.folder, 'data/onedrive-token');
  chmodSync(folder, 0o777);
  const database = new DatabaseSync(home.db);
  const eightyDaysAgo = Date.now() - 80 * 86_400_000;
  const [before] = database.prepare('SELECT obtained_at FROM token').all() as [{ obtained_at: number }];
  database.prepare('UPDATE token SET obtained_at = ?').run(eightyDaysAgo);
  const checks = await diagnose(home);
  assertFailed(checks, {
    ...(process.platform !== 'win32' && {
      'database-mode': /onedrive-token \(mode 0777\) \| Run: chmod u=rwx,go= ~/,
    }),
    'sign-in': /\d{4}-\d\d-\d\d.* 9 days \| .*run: onedrive-token token --refresh/,
  });
  database.prepare('UPDATE token SET obtained_at = ?').run(before.obtained_at);
  database.close();
  chmodSync(folder, 0o700);
});

test('a folder that is not of the command is never to be changed, and is wrong only if others can replace the file in it', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no file modes');
  const folder = join(home.folder, 'shared');
  mkdirSync(folder);
  const args = ['--db', join(folder, 'x.db'), '--client-id', authority.clientId];
  await home.login(args);
  const { uid, gid } = statSync(folder);
  for (const [mode, isRight, group = gid] of [
    [0o755, true],
    [0o1777, true],
    [0o777, false],
    // Many systems give each user a group of its own, with the same number. Only root can choose the group here.
    [0o775, gid === uid],
    ...(process.getuid?.() === 0 ? ([[0o775, false, 12345]] as const) : []),
  ] as const) {
    chownSync(folder, uid, group);
    chmodSync(folder, mode);
    const checks = await diagnose(home, { args });
    assertFailed(checks, isRight ? {} : { 'database-mode': /shared \(.*07.*\| .*--db/ });
  }
});

test('a folder further up in which others can replace the one with the file', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no file modes');
  const folder = join(home.folder, 'data');
  chmodSync(folder, 0o777);
  assertFailed(await diagnose(home), { 'database-mode': /data \(mode 0777\) \| Keep .*--db/ });
  chmodSync(folder, 0o700);
});

test('a database that is damaged, or is none: it is named and kept as it is', async () => {
  using other = new CliHome(home.env);
  const file = join(other.folder, 'broken.db');
  const content = readFileSync(home.db);
  content.fill(0xff, 4096, 8192);
  for (const broken of [content, Buffer.from('no database at all, but longer than a header: '.repeat(99))]) {
    writeFileSync(file, broken, { mode: 0o600 });
    chmodSync(other.folder, 0o700);
    const checks = await diagnose(other, { args: ['--db', file, '--client-id', authority.clientId] });
    assertFailed(checks, { database: /broken\.db/ }, { database: ['database-mode', 'file-system', 'lock', 'sign-in'] });
    assert.equal(readFileSync(file), broken);
  }
});

test('an encrypted database without its key, and with it', async () => {
  using other = new CliHome(home.env);
  const env = { ONEDRIVE_TOKEN_KEY: 'correct horse battery staple' };
  await other.login(['--client-id', authority.clientId], { env });
  assertFailed(await diagnose(other), { 'sign-in': /tokens\.db.*\| .*ONEDRIVE_TOKEN_KEY/ });
  const withKey = await diagnose(other, { env });
  assertFailed(withKey, {});
  assert.match(withKey.get('database')?.detail ?? '', /(?<!not) encrypted$/);
  assertFailed(await diagnose(home, { env }), { 'sign-in': /\| .*ONEDRIVE_TOKEN_KEY/ });
});

test('a process that holds a lock is named: one that signs in, and one that was stopped', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux shows who holds a lock');
  const signingIn = home.start(['login', '--no-browser']);
  await signingIn.says(/authorize/);
  const { pid } = signingIn.child;
  const checks = await diagnose(home);
  assertFailed(checks, { lock: new RegExp(`\\b${pid} .* onedrive-token`) });
  signingIn.child.kill('SIGSTOP');
  const stopped = (await diagnose(home)).get('lock');
  assert.match(stopped?.detail ?? '', new RegExp(`process ${pid} \\(.*, stopped\\)`));
  assert.match(stopped?.remedy ?? '', `kill -CONT ${pid}`);
  signingIn.child.kill('SIGKILL');
  await signingIn.ended;
});

test('a process that writes to the database for long is named', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux shows who holds a lock');
  const code = `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(home.db)}).exec('BEGIN IMMEDIATE');
    console.error('locked'); setInterval(() => {}, 1000);`;
  const writer = home.startProgram(process.execPath, ['--no-warnings', '-e', code]);
  await writer.says(/locked/);
  const { pid } = writer.child;
  assertFailed(await diagnose(home), { lock: new RegExp(`\\b${pid} .* database`) });
  writer.child.kill('SIGKILL');
  await writer.ended;
});

test('a sign-in that the provider refused, on the local day as in status, and one that is gone', async () => {
  await authority.revokeAll();
  home.expireTokens();
  await home.call([]);
  assertFailed(await diagnose(home), {
    'sign-in': /\d{4}-\d\d-\d\d: invalid_grant AADSTS50173 \| Run: onedrive-token login/,
  });
  const database = new DatabaseSync(home.db);
  database.prepare('UPDATE token SET refused_at = ?, revision = revision + 1').run(Date.UTC(2026, 0, 31, 23, 30));
  database.close();
  const env = { TZ: 'Pacific/Kiritimati' };
  assert.match((await home.call(['status'], { env })).stdout, /^Refused +2026-02-01 13:30:00$/m);
  assertFailed(await diagnose(home, { env }), { 'sign-in': / on 2026-02-01: / });
  await home.call(['logout']);
  assertFailed(await diagnose(home), {
    'sign-in': /"onedrive-token" .*~.* \| Run: onedrive-token login/,
  });
  await home.login(['--client-id', authority.clientId]);
});

test('PostgreSQL that cannot be reached', async () => {
  const checks = await diagnose(home, { args: ['--db', 'postgresql://ada@127.0.0.1:9/tokens'] });
  assert.not.ok(checks.get('database')?.ok);
  assert.match(checks.get('database')?.detail ?? '', '127.0.0.1:9');
  assert.match(checks.get('not-checked')?.detail ?? '', /^database-rights, pooler, lock, sign-in, .* database/);
});

test.run();
