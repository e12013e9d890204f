import { join } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startProgram } from '../test/start-program.ts';
import { temporaryDirectory } from '../test/temporary-directory.ts';
import { makeVersion1 } from '../test/version-1.ts';

test('of many processes that open a file of version 1 at once, all read its record', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  makeVersion1(path, { refreshToken: 'refresh', accessToken: 'access of refresh' });
  const programs = Array.from({ length: 8 }, () => startProgram('read', [path, 200]));
  for (const { ended } of programs) assert.ok(Number((await ended).output) > 0);
  const database = new Database(path);
  assert.is(database.pragma('user_version', { simple: true }), 2);
  database.close();
});

test.run();
