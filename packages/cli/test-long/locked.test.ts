// Takes about 12 s.
import { DatabaseSync } from 'node:sqlite';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

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
