import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, commandNode, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runWithToken } from '../src/commands/exec.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

test('exec runs a program with the token in its environment and nowhere else', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
  const script = 'printenv ONEDRIVE_TOKEN; ps -ww -eo args';
  const { status, stdout, stderr } = await home.run(['exec', '--', 'sh', '-c', script]);
  assert.is(status, 0);
  assert.is(stderr, '');
  const token = /^.*/.exec(stdout)?.[0] ?? '';
  assert.ok(authority.issuedSecrets.has(token));
  assert.match(stdout, 'printenv ONEDRIVE_TOKEN');
  assert.is(stdout.split(token).length, 2);
});

/** A program that notes its arguments and its environment. */
const note = join(home.folder, 'note.json');
const code = `require('fs').writeFileSync(process.argv[1], JSON.stringify({ args: process.argv.slice(2), env: process.env }))`;
const takeNote = [process.execPath, '-e', code, '--', note];
const noted = (): { args: string[]; env: NodeJS.ProcessEnv } => JSON.parse(readFileSync(note, 'utf8'));

test('all arguments after the program go to the program, with or without --', async () => {
  const given = ['--app', '-x', '--json', '--', '', 'y'];
  for (const args of [['exec', '--'], ['exec'], ['exec', '--app', 'onedrive-token', '--']]) {
    assert.is((await home.call([...args, ...takeNote, ...given])).status, 0);
    assert.equal(noted().args, given);
    rmSync(note);
  }
});

test('exec passes stdin, stdout and stderr through', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
  const { stdout, stderr } = await home.run(['exec', '--', 'sh', '-c', 'cat; echo oops >&2'], { stdin: 'in and out' });
  assert.is(stdout, 'in and out');
  assert.is(stderr, 'oops\n');
});

test('the passphrase does not reach the program, the rest of the environment does', async () => {
  // The name in small letters is the same variable on Windows.
  const env = { OTHER: 'kept', ONEDRIVE_TOKEN_KEY: '', onedrive_token_key: '' };
  await home.call(['exec', '--', ...takeNote], { env });
  const names = Object.keys(noted().env);
  assert.ok(names.includes('OTHER'));
  assert.not(names.some((name) => /^onedrive_token_key$/i.test(name)));
});

test('if the database is PostgreSQL, its password does not reach the program; else such variables are the program’s own', async () => {
  const secrets = { PGPASSWORD: 'pa55word', PGPASSFILE: '/pass', ONEDRIVE_TOKEN_KEY: 'key', ONEDRIVE_TOKEN_DB: '' };
  const db = 'postgresql://ada@db.example/tokens';
  const withPassword = 'postgresql://ada:pa55word@db.example/tokens';
  const file = { db: '/tokens.db', postgresUrl: undefined };
  for (const [variable, settings, kept] of [
    [db, { db, postgresUrl: db }, ['ONEDRIVE_TOKEN_DB']],
    [withPassword, { db, postgresUrl: withPassword }, []],
    ['/tokens.db', file, ['PGPASSWORD', 'PGPASSFILE', 'ONEDRIVE_TOKEN_DB']],
    // --db names another database than the variable.
    ['/tokens.db', { db, postgresUrl: db }, ['ONEDRIVE_TOKEN_DB']],
    [db, file, ['ONEDRIVE_TOKEN_DB']],
    [withPassword, file, []],
    [withPassword, { db, postgresUrl: db }, []],
    ['postgresql://ada:pa55/word@db.example/tokens', file, []],
    [`${db}?password=pa55word`, file, []],
    [`${db}?p%61ssword=pa55word`, file, []],
    // It cannot be read, so it may have one.
    ['postgresql://ada:pa55word', file, []],
  ] as const) {
    Object.assign(process.env, secrets, { ONEDRIVE_TOKEN_DB: variable });
    assert.is(await runWithToken('token', takeNote, settings), 0);
    const { env } = noted();
    assert.equal(
      Object.keys(secrets).filter((name) => name in env),
      kept,
      `${variable}, used: ${settings.db}`,
    );
  }
  for (const name of Object.keys(secrets)) delete process.env[name];
});

for (const [script, expected] of [
  ['exit 0', 0],
  ['exit 42', 42],
  ['kill -KILL $$', 137],
  ['kill -TERM $$', 143],
] as const) {
  test(`a program that ends with '${script}' gives the status ${expected}`, async () => {
    if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
    assert.is((await home.call(['exec', '--', 'sh', '-c', script])).status, expected);
  });
}

test('the status is 127 if the program is not found, and 126 if it cannot be executed', async () => {
  const file = `${home.folder}/data.txt`;
  writeFileSync(file, 'no program');
  const missing = await home.call(['exec', '--', 'no-such-program']);
  assert.is(missing.status, 127);
  assert.match(missing.stderr, 'no-such-program');
  const data = await home.call(['exec', '--', file]);
  assert.is(data.status, 126);
  assert.match(data.stderr, 'data.txt');
  if (process.platform === 'win32') return;
  symlinkSync('loop', `${home.folder}/loop`);
  for (const name of [`${file}/x`, `./${'a'.repeat(300)}`, './loop']) {
    const { status, stderr } = await home.call(['exec', '--', name]);
    assert.is(status, 126);
    assert.match(stderr, `onedrive-token: ${name}: `);
  }
});

test('signals are passed on, and the status is that of the program', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  const signals = ['SIGUSR1', 'SIGUSR2', 'SIGHUP', 'SIGQUIT', 'SIGTERM'] as const;
  const script = `for (const name of ${JSON.stringify(signals)}) process.on(name, () => console.error(name));
    process.on('SIGINT', () => process.exit(9)); console.error('runs'); setTimeout(() => {}, 20_000)`;
  const running = home.start(['exec', '--', 'node', '-e', script]);
  await running.says(/runs/);
  for (const name of signals) {
    running.child.kill(name);
    await running.says(new RegExp(name));
  }
  running.child.kill('SIGINT');
  const { status, stderr } = await running.ended;
  assert.equal([status, stderr], [9, `${['runs', ...signals].join('\n')}\n`]);
});

test('a program of another user, as sudo starts one, takes no signal, and is waited for', async () => {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (!isRoot) return console.log('skipped: only root can start a program of another user');
  const program = ['setpriv', '--reuid=65534', '--clear-groups', 'sh', '-c', 'echo runs; read line; exit 9'];
  // With this right, root may send a signal to each process.
  const script = 'exec setpriv --bounding-set=-kill --inh-caps=-kill "$@"';
  const args = ['-c', script, 'sh', commandNode, bin, 'exec', '--', ...program];
  const running = spawn('sh', args, { env: home.env, timeout: 20_000 });
  await once(running.stdout, 'data');
  for (const _ of [1, 2]) running.kill();
  running.stdin.end('\n');
  assert.equal(await once(running, 'exit'), [9, null]);
});

test('a signal that comes while the new token is stored ends exec, and the program does not run', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  home.expireTokens();
  const hook = `const fs = process.getBuiltinModule('fs'), { writeSync } = fs;
    fs.writeSync = (to, bytes) => {
      if (/^refreshed /.test(bytes)) process.kill(process.pid, 'SIGTERM');
      return writeSync(to, bytes);
    };`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
  const { status, stdout } = await home.run(['exec', '--verbose', '--', 'echo', 'ran'], { env });
  assert.equal([status, stdout], [143, '']);
});

test('exec without a sign-in does not run the program and ends with 3', async () => {
  const { status, stdout, stderr } = await home.call(['exec', '--app', 'nobody', '--', 'echo', 'ran']);
  assert.equal([status, stdout], [3, '']);
  assert.match(stderr, 'onedrive-token login');
});

test.run();
