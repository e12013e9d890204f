import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { bare, create, write } from '../test/original-class.ts';
import { startProgram } from '../test/start-program.ts';

test('of many processes that open a file of the Python class at once, all succeed, and one extends it', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  bare(path, (database) => {
    database.exec(create);
    database.prepare(write).run('app', 'refresh', 'refresh');
  });
  const programs = Array.from({ length: 8 }, () => startProgram('once', ['extend', path, 'wait']));
  for (const program of programs) assert.is(await program.line(), 'ready');
  for (const program of programs) program.tell('go');
  for (const { ended } of programs) assert.is((await ended).code, 0);
  using store = openTokenStore(path);
  assert.equal(store.get('app'), { refreshToken: 'refresh' });
});

test.run();
