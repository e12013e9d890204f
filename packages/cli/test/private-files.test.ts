import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readEntries, writeEntry } from '../src/settings/private-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'private-json-'));
const file = join(folder, 'entries.json');
test.after(() => rmSync(folder, { recursive: true }));
test.after.each(() => rmSync(file, { force: true }));

test('only the owner can read the file, and no draft is left beside it', () => {
  writeEntry(file, 'a', 1);
  writeEntry(file, 'b', 2);
  writeEntry(file, 'a', undefined);
  assert.equal({ ...readEntries(file) }, { b: 2 });
  assert.equal(readdirSync(folder), ['entries.json']);
  if (process.platform !== 'win32') assert.is(statSync(file).mode & 0o777, 0o600);
});

test('a file that is damaged has no entries, and the next write replaces it', () => {
  writeFileSync(file, '{');
  assert.equal({ ...readEntries(file) }, {});
  writeEntry(file, 'a', 1);
  assert.equal({ ...readEntries(file) }, { a: 1 });
});

test('a file that another program has open for a moment is replaced when it is closed', async () => {
  if (process.platform !== 'win32')
    return console.log('skipped: only Windows keeps a file from being replaced while it is open');
  writeEntry(file, 'a', 1);
  const holder = `
    const { DatabaseSync } = require('node:sqlite');
    new DatabaseSync(process.argv[1]);
    process.stdout.write('open');
    setTimeout(() => process.exit(), 400);`;
  const other = spawn(process.execPath, ['-e', holder, file], { timeout: 30_000 });
  await once(other.stdout, 'data');
  writeEntry(file, 'b', 2);
  assert.equal({ ...readEntries(file) }, { a: 1, b: 2 });
});

test.run();
