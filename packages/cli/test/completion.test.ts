import { spawnSync } from 'node:child_process';
import { CliHome } from 'testing-command';
import { openTerminal } from 'testing-command/terminal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inShell, installCompletion } from './fixtures/completion.ts';

const home = new CliHome();
test.after(() => home[Symbol.dispose]());

const commands = 'token login status whoami logout list rekey move api exec serve doctor completion'.split(' ');

async function complete(...words: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await home.call(['__complete', ...words]);
  assert.is(status, 0);
  assert.is(stderr, '');
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0] ?? '');
}

test('commands are completed, each with its summary', async () => {
  assert.equal(await complete(''), commands);
  assert.equal(await complete(), commands);
  assert.equal(await complete('log'), ['login', 'logout']);
  assert.equal(await complete('--app', 'status', 'log'), ['login', 'logout']);
  assert.match((await home.call(['__complete', 'lo'])).stdout, /^login\t\S.*\n/);
});

test('options of the command and common options are completed', async () => {
  assert.equal(await complete('login', '--d'), ['--device', '--db']);
  assert.ok((await complete('--')).includes('--json'));
  assert.equal(await complete('list', '--ver'), ['--verbose', '--version']);
  assert.equal(await complete('list', '--he'), ['--help']);
  assert.ok((await complete('--db', 'x', 'api', '--')).includes('--paginate'));
  assert.ok((await complete('--app', 'status', 'api', '--')).includes('--paginate'));
  assert.not((await complete('list', '--')).includes('--paginate'));
});

test('known values are completed', async () => {
  assert.equal(await complete('completion', ''), ['bash', 'zsh', 'fish']);
  assert.equal(await complete('login', '--response-mode', ''), ['form_post', 'query']);
  assert.equal(await complete('login', '--prompt', 's'), ['select_account']);
  assert.is((await home.call(['__complete', 'login', '--prompt', 's'])).stdout, 'select_account\t\n');
});

test('known values are completed after =, also where the shell splits the word there', async () => {
  assert.equal(
    await complete('login', '--prompt='),
    ['select_account', 'login', 'consent'].map((value) => `--prompt=${value}`),
  );
  assert.equal(await complete('login', '--prompt=s'), ['--prompt=select_account']);
  assert.equal(await complete('login', '--prompt', '=', 's'), ['select_account']);
  assert.equal(await complete('login', '--prompt', '='), ['select_account', 'login', 'consent']);
  assert.equal(await complete('login', '--db=l'), []);
  assert.equal(await complete('--db', '=', 'l'), []);
  assert.equal(await complete('--db', '=', 'x', 'logi'), ['login']);
});

test('the shell completes file names and the words of another program', async () => {
  for (const words of [
    ['--db', ''],
    ['api', '/me', '-o', ''],
    ['exec', '--', 'ls', '--'],
  ])
    assert.equal(await complete(...words), []);
});

const folder = await installCompletion(home);
const { env } = home;

/** The candidates that bash offers for these words. */
function inBash(...words: string[]): string {
  const script = `source ${folder}/completion.bash; source ${folder}/completion.bash
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _onedrive_token; printf '%s\n' "\${COMPREPLY[@]}"`;
  return spawnSync('bash', ['-c', script, 'bash', 'onedrive-token', ...words], { env, encoding: 'utf8' }).stdout;
}

inShell('bash')('bash completes, and evaluates nothing that is typed', () => {
  assert.is(inBash('log'), 'login\nlogout\n');
  assert.is(inBash('$(echo log)'), '\n');
  assert.is(inBash("it's", 'log'), 'login\nlogout\n');
});

inShell('bash')('bash completes programs after exec --, and no command of ours', () => {
  assert.match(inBash('exec', '--', 'printen'), /^(printenv\n)+$/);
  assert.match(inBash('exec', '--app', 'x', '--', 'printen'), /^(printenv\n)+$/);
  assert.is(inBash('exec', '--', 'ls', 'logi'), '\n');
});

inShell('bash')('bash completes file names after --db=', async () => {
  if (!openTerminal) return;
  using terminal = openTerminal('bash', ['--norc', '-i'], { env: { ...env, PS1: 'ready> ' }, cwd: folder });
  await terminal.shows(/ready> /);
  terminal.type('source completion.bash\ronedrive-token --db=completion.ba\t');
  await terminal.shows(/--db=completion\.bash /);
});

inShell('bash')('bash completes file names if the command offers nothing', async () => {
  if (!openTerminal) return;
  using terminal = openTerminal('bash', ['--norc', '-i'], { env: { ...env, PS1: 'ready> ' }, cwd: folder });
  await terminal.shows(/ready> /);
  terminal.type('source completion.bash\ronedrive-token api --upload completion.ba\t');
  await terminal.shows(/--upload completion\.bash /);
});

test.run();
