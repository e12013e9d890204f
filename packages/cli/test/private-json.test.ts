import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readEntries, writeEntry } from '../src/settings/private-json.ts';

const folder = mkdtempSync(join(tmpdir(), 'private-json-'));
const file = join(folder, 'entries.json');
test.after(() => rmSync(folder, { recursive: true }));
test.after.each(() => rmSync(file, { force: true }));

test('processes that write at the same time lose no entry', async () => {
  const writer = `
    const { writeEntry } = await import(${JSON.stringify(import.meta.resolve('../src/files/private-json.ts'))});
    for (let n = 0; n < 20; n++) writeEntry(process.argv[1], process.argv[2] + n, n);`;
  const run = promisify(execFile);
  const args = ['--input-type=module', '-e', writer, file];
  const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };
  await Promise.all([...'abcd'].map((name) => run(process.execPath, [...args, name], { timeout: 30_000, env })));
  assert.is(Object.keys(readEntries(file)).length, 80);
  assert.equal(readdirSync(folder), ['entries.json']);
});

test('the lock of a process that was killed while it wrote does not stop later writers', () => {
  writeFileSync(`${file}.lock`, '');
  writeEntry(file, 'a', 1);
  assert.equal({ ...readEntries(file) }, { a: 1 });
  assert.equal(readdirSync(folder), ['entries.json']);
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
