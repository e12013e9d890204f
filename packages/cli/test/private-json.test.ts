import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readEntries, writeEntry } from '../src/files/private-json.ts';

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

test.run();
