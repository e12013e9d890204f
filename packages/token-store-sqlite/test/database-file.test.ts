import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DatabaseFile } from '../src/database/database-file.ts';
import { startProgram } from './start-program.ts';

test('native code that does not load is no-native-code, and no file is made', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  const empty = join(temporaryDirectory(), 'empty.db');
  writeFileSync(empty, '', { mode: 0o600 });
  const { output } = await startProgram('no-native-code', [path, empty]).ended;
  assert.equal([output, existsSync(path)], ['no-native-code\nno-native-code', false]);
});

for (const [what, wasThere, stays, use] of [
  ['a new file in which nothing could be written is removed', false, false, () => {}],
  ['one that has content by now stays', false, true, (path: string) => writeFileSync(path, 'x')],
  [
    'one in which another process writes stays',
    false,
    true,
    (path: string) => new Database(path).exec('BEGIN IMMEDIATE'),
  ],
  ['a file that was there stays', true, true, () => {}],
] as const) {
  test(what, () => {
    if (process.platform === 'win32') return console.log('skipped: Windows removes no file that is open');
    const path = join(temporaryDirectory(), 'tokens.db');
    if (wasThere) writeFileSync(path, '');
    const file = new DatabaseFile(path, { readOnly: false });
    const sql = file.connect({ timeout: 0 });
    use(path);
    file.giveUp(sql);
    sql.close();
    assert.is(existsSync(path), stays);
  });
}

test.run();
