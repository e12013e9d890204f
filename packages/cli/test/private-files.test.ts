import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readEntries, writeEntries } from '../src/settings/private-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'private-json-'));
const file = join(folder, 'entries.json');
test.after(() => rmSync(folder, { recursive: true }));
test.after.each(() => rmSync(file, { force: true }));

test('only the owner can read the file, and no draft is left beside it', () => {
  writeEntries(file, { a: 1 });
  writeEntries(file, { b: 2 });
  assert.equal({ ...readEntries(file) }, { b: 2 });
  assert.equal(readdirSync(folder), ['entries.json']);
  if (process.platform !== 'win32') assert.is(statSync(file).mode & 0o777, 0o600);
});

test('a file that is damaged has no entries, and the next write replaces it', () => {
  writeFileSync(file, '{');
  assert.equal({ ...readEntries(file) }, {});
  writeEntries(file, { a: 1 });
  assert.equal({ ...readEntries(file) }, { a: 1 });
});

test('a FIFO that another user has put there has no entries, and nothing waits; the next write replaces it', () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no FIFOs');
  assert.is(spawnSync('mkfifo', [file]).status, 0);
  const read = `import(${JSON.stringify(import.meta.resolve('../src/settings/private-files.ts'))})
    .then(({ readEntries }) => console.log(Object.keys(readEntries(${JSON.stringify(file)})).length))`;
  assert.is(spawnSync(process.execPath, ['-e', read], { encoding: 'utf8', timeout: 10_000 }).stdout, '0\n');
  writeEntries(file, { a: 1 });
  assert.equal({ ...readEntries(file) }, { a: 1 });
});

test.run();
