import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSignedInScene } from 'testing-command';
import { openTerminal } from 'testing-command/terminal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

const commands = [
  'token',
  'login',
  'status',
  'whoami',
  'logout',
  'list',
  'rekey',
  'move',
  'api',
  'exec',
  'serve',
  'doctor',
  'completion',
];

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
  assert.equal(await complete('log'), ['login', 'logout']);
  assert.match((await home.call(['__complete', 'lo'])).stdout, 'login\tsign in\n');
});

test('options of the command and common options are completed', async () => {
  assert.equal(await complete('login', '--d'), ['--device', '--db']);
  assert.ok((await complete('--')).includes('--json'));
  assert.ok((await complete('--db', 'x', 'api', '--')).includes('--paginate'));
  assert.not((await complete('list', '--')).includes('--paginate'));
});

test('known values are completed: app names, paths, shells', async () => {
  assert.equal(await complete('--app', ''), ['onedrive-token']);
  assert.equal(await complete('status', '--app', 'one'), ['onedrive-token']);
  assert.equal(await complete('--db', 'nowhere.db', '--app', ''), []);
  assert.equal(await complete('--db=nowhere.db', '--app', ''), []);
  assert.equal(await complete('api', '/me/drive/r'), ['/me/drive/root/children', '/me/drive/recent']);
  assert.equal(await complete('completion', ''), ['bash', 'zsh', 'fish']);
  assert.equal(await complete('login', '--response-mode', ''), ['form_post', 'query']);
  assert.equal(await complete('login', '--prompt', 's'), ['select_account']);
});

test('the shell completes file names and the words of another program', async () => {
  for (const words of [
    ['--db', ''],
    ['api', '/me', '-o', ''],
    ['exec', 'ls', '-'],
    ['exec', '--', 'ls', '--'],
  ])
    assert.equal(await complete(...words), []);
});

test('completing sends no request', async () => {
  const before = authority.requests.length;
  await complete('--app', '');
  assert.is(authority.requests.length, before);
});

/** A folder with the command under its name, and the completion scripts. */
const folder = home.installCommand();
const { env } = home;
for (const shell of ['bash', 'zsh', 'fish']) {
  writeFileSync(join(folder, `completion.${shell}`), (await home.call(['completion', shell])).stdout);
}

function inShell(shell: string): typeof test | typeof test.skip {
  if (spawnSync(shell, ['-c', 'exit 0']).status === 0) return test;
  console.log(`skipped: completion in ${shell} needs ${shell} (Debian: apt install ${shell})`);
  return test.skip;
}

/** The candidates that bash offers for these words. */
function inBash(...words: string[]): string {
  const script = `source ${folder}/completion.bash; source ${folder}/completion.bash
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _onedrive_token; printf '%s\n' "\${COMPREPLY[@]}"`;
  return spawnSync('bash', ['-c', script, 'bash', 'onedrive-token', ...words], { env, encoding: 'utf8' }).stdout;
}

inShell('bash')('bash completes, and evaluates nothing that is typed', () => {
  assert.is(inBash('log'), 'login\nlogout\n');
  assert.is(inBash('--app', ''), 'onedrive-token\n');
  assert.is(inBash('$(echo log)'), '\n');
  assert.is(inBash("it's", ''), '\n');
});

inShell('bash')('bash completes file names if the command offers nothing', async () => {
  if (!openTerminal) return;
  using terminal = openTerminal('bash', ['--norc', '-i'], { env: { ...env, PS1: 'ready> ' }, cwd: folder });
  await terminal.shows(/ready> /);
  terminal.type('source completion.bash\ronedrive-token api --upload completion.ba\t');
  await terminal.shows(/--upload completion\.bash /);
});

inShell('fish')('fish completes, with descriptions', () => {
  const ask = (line: string): string =>
    spawnSync('fish', ['-N', '-c', `source ${folder}/completion.fish; complete -C '${line}'`], {
      env,
      encoding: 'utf8',
    }).stdout;
  assert.is(ask('onedrive-token log'), 'login\tsign in\nlogout\tsign out, which deletes the stored tokens\n');
  assert.match(ask(`onedrive-token --db ${folder}/comp`), 'completion.fish');
});

inShell('zsh')('zsh completes', async () => {
  if (!openTerminal) return;
  using terminal = openTerminal('zsh', ['-f', '-i'], { env: { ...env, PS1: 'ready> ' }, cwd: folder });
  await terminal.shows(/ready> /);
  terminal.type(`autoload -U compinit; compinit -D -u; source completion.zsh; echo load''ed\r`);
  await terminal.shows(/loaded/);
  terminal.type('onedrive-token logi\t');
  await terminal.shows(/onedrive-token login /);
  terminal.type('--devi\t');
  await terminal.shows(/--device /);
  terminal.type('\u0015onedrive-token api --upload completion.zs\t');
  await terminal.shows(/--upload completion\.zsh /);
});

inShell('zsh')('zsh without compinit says what to add to ~/.zshrc, and goes on', () => {
  const script = `source ${folder}/completion.zsh; echo goes on`;
  const { status, stdout, stderr } = spawnSync('zsh', ['-f', '-c', script], { env, encoding: 'utf8' });
  assert.equal([status, stdout], [0, 'goes on\n']);
  assert.is(
    stderr,
    "onedrive-token: zsh's completion is off. Put this line before this one in ~/.zshrc: autoload -U compinit && compinit\n",
  );
});

test.run();
