// Takes about 42 s.
import { DatabaseSync } from 'node:sqlite';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../test/fixtures/until.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

test('a command that was stopped while it refreshes makes others end with 8, and name its process', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no signal that stops a process');
  home.expireTokens();
  authority.fail('token', { type: 'hang' }, { times: 1 });
  const before = authority.count('token');
  const stopped = home.start([], { timeout: 120_000 });
  await until(() => authority.count('token') > before);
  stopped.child.kill('SIGSTOP');
  const { status, stdout, stderr } = await home.run([], { timeout: 90_000 });
  stopped.child.kill('SIGKILL');
  assert.equal([status, stdout], [8, ''], stderr);
  assert.match(stderr, `${stopped.child.pid}`);
  assert.is((await home.run([])).status, 0, 'the lock ended with its process');
});

test('a database that another process keeps locked is 8, whatever the command needs it for', async () => {
  const holder = new DatabaseSync(home.db);
  holder.exec('BEGIN EXCLUSIVE');
  const commands = [['token'], ['status'], ['list'], ['logout', '--app', 'nobody']];
  const ended = await Promise.all(commands.map((args) => home.run(args)));
  holder.exec('ROLLBACK');
  holder.close();
  for (const [index, { status, stdout, stderr }] of ended.entries()) {
    assert.equal([status, stdout], [8, ''], `${commands[index]}: ${stderr}`);
    assert.match(stderr, `${home.db}: another process keeps the database locked (SQLITE_BUSY). Try again;`);
  }
});

test.run();
