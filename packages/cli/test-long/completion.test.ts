import { spawnSync } from 'node:child_process';
import { CliHome } from 'testing-command';
import { openTerminal } from 'testing-command/terminal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inShell, installCompletion } from '../test/fixtures/completion.ts';

const home = new CliHome();
test.after(() => home[Symbol.dispose]());
const { env } = home;
const folder = await installCompletion(home);

inShell('fish')('fish completes, with descriptions', () => {
  const ask = (line: string): string =>
    spawnSync('fish', ['-N', '-c', `source ${folder}/completion.fish; complete -C '${line}'`], {
      env,
      encoding: 'utf8',
    }).stdout;
  assert.is(ask('onedrive-token log'), 'login\tsign in\nlogout\tsign out, which deletes the stored tokens\n');
  assert.match(ask(`onedrive-token --db ${folder}/comp`), 'completion.fish');
  assert.match(ask(`onedrive-token --db=${folder}/comp`), `--db=${folder}/completion.fish`);
  assert.match(ask('onedrive-token login --prompt=s'), '--prompt=select_account');
  assert.match(ask('onedrive-token exec -- printen'), /^printenv/);
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
  terminal.type('\u0015onedrive-token --db=completion.zs\t');
  await terminal.shows(/--db=completion\.zsh /);
  terminal.type('\u0015onedrive-token login --prompt=s\t');
  await terminal.shows(/--prompt=select_account /);
  terminal.type('\u0015onedrive-token exec -- printen\t');
  await terminal.shows(/exec -- printenv /);
});

test.run();
