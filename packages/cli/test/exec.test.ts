import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runWithToken } from '../src/commands/run-with-token.ts';

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

test('all arguments after the program go to the program, with or without --', async () => {
  const print = [process.execPath, '-p', 'process.argv.slice(1).join("|")', '--', '--app', '-x', '--json', '--', 'y'];
  assert.is((await home.run(['exec', '--', ...print])).stdout, '--app|-x|--json|--|y\n');
  assert.is((await home.run(['exec', ...print])).stdout, '--app|-x|--json|--|y\n');
  assert.is((await home.run(['exec', '--app', 'onedrive-token', '--', ...print])).stdout, '--app|-x|--json|--|y\n');
});

test('exec passes stdin, stdout and stderr through', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
  const { stdout, stderr } = await home.run(['exec', '--', 'sh', '-c', 'cat; echo oops >&2'], { stdin: 'in and out' });
  assert.is(stdout, 'in and out');
  assert.is(stderr, 'oops\n');
});

test('the passphrase does not reach the program, the rest of the environment does', async () => {
  const env = { OTHER: 'kept', ONEDRIVE_TOKEN_KEY: '' };
  const print = 'process.env.OTHER + String("ONEDRIVE_TOKEN_KEY" in process.env)';
  assert.is((await home.run(['exec', '--', process.execPath, '-p', print], { env })).stdout, 'keptfalse\n');
  // The name in small letters is the same variable on Windows.
  const small = { onedrive_token_key: '' };
  const spelled = 'Object.keys(process.env).some((name) => /^onedrive_token_key$/i.test(name))';
  assert.is((await home.run(['exec', '--', process.execPath, '-p', spelled], { env: small })).stdout, 'false\n');
});

test('if the database is PostgreSQL, its password does not reach the program; else such variables are the program’s own', async () => {
  const file = join(home.folder, 'env.json');
  const write = [
    process.execPath,
    '-e',
    `require('fs').writeFileSync(process.argv[1], JSON.stringify(process.env))`,
    file,
  ];
  const secrets = { PGPASSWORD: 'pa55word', PGPASSFILE: '/pass', ONEDRIVE_TOKEN_KEY: 'key' };
  Object.assign(process.env, secrets);
  const db = 'postgresql://ada@db.example/tokens';
  for (const [postgresUrl, kept] of [
    [db, []],
    [undefined, ['PGPASSWORD', 'PGPASSFILE']],
  ] as const) {
    assert.is(await runWithToken('token', write, { db, postgresUrl }), 0);
    const env = JSON.parse(readFileSync(file, 'utf8'));
    assert.equal(
      Object.keys(secrets).filter((name) => name in env),
      kept,
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
    assert.is((await home.run(['exec', '--', 'sh', '-c', script])).status, expected);
  });
}

test('the status is 127 if the program is not found, and 126 if it cannot be executed', async () => {
  const file = `${home.folder}/data.txt`;
  writeFileSync(file, 'no program');
  const missing = await home.call(['exec', '--', 'no-such-program']);
  assert.is(missing.status, 127);
  assert.match(missing.stderr, 'no-such-program: command not found');
  const data = await home.call(['exec', '--', file]);
  assert.is(data.status, 126);
  assert.match(data.stderr, 'data.txt: cannot be executed');
});

for (const signal of ['SIGINT', 'SIGUSR1'] as const) {
  test(`${signal} is passed on, and the status is that of the program`, async () => {
    if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
    const script = `process.on('${signal}', () => process.exit(9)); console.error('runs'); setTimeout(() => {}, 20_000)`;
    const running = home.start(['exec', '--', 'node', '-e', script]);
    await running.says(/runs/);
    running.child.kill(signal);
    const { status, stderr } = await running.ended;
    assert.equal([status, stderr], [9, 'runs\n']);
  });
}

test('exec without a sign-in does not run the program and ends with 3', async () => {
  const { status, stdout, stderr } = await home.call(['exec', '--app', 'nobody', '--', 'echo', 'ran']);
  assert.equal([status, stdout], [3, '']);
  assert.match(stderr, 'onedrive-token login');
});

test.run();
