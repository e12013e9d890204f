import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DatabaseFile } from '../src/database/database-file.ts';

for (const [what, stays, use] of [
  ['a new file in which nothing could be written is removed', false, () => {}],
  ['one that has content by now stays', true, (path: string) => writeFileSync(path, 'x')],
  ['one in which another process writes stays', true, (path: string) => new Database(path).exec('BEGIN IMMEDIATE')],
] as const) {
  test(what, () => {
    if (process.platform === 'win32') return console.log('skipped: Windows removes no file that is open');
    const path = join(temporaryDirectory(), 'tokens.db');
    const file = DatabaseFile.find(path, { readOnly: false });
    const sql = file.connect({ timeout: 0 });
    use(path);
    file.removeIfEmpty(sql);
    sql.close();
    assert.is(existsSync(path), stays);
  });
}

test('a file that was there is not removed', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  writeFileSync(path, '');
  const file = DatabaseFile.find(path, { readOnly: false });
  const sql = file.connect({ timeout: 0 });
  file.removeIfEmpty(sql);
  sql.close();
  assert.ok(existsSync(path));
});

test.run();
