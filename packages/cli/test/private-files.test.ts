import { spawnSync } from 'node:child_process';
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readEntries, readKeyringAccount, rememberKeyring, writeEntries } from '../src/settings/private-files.ts';

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

test('a link that another user puts in the place of the draft is not followed, and a draft that was left is replaced', () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets only an administrator make a link');
  const draft = `${file}.${process.pid}.tmp`;
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'as it was');
  const { rmSync: remove } = fs;
  fs.rmSync = (...args) => {
    remove(...args);
    fs.rmSync = remove;
    symlinkSync(victim, draft);
  };
  try {
    assert.throws(() => writeEntries(file, { a: 1 }), /EEXIST/);
  } finally {
    fs.rmSync = remove;
  }
  assert.equal(readdirSync(folder), ['victim']);
  symlinkSync(victim, draft);
  writeEntries(file, { a: 1 });
  assert.is(readFileSync(victim, 'utf8'), 'as it was');
  rmSync(victim);
});

test('the account of a keyring is what a whole file says', () => {
  const db = join(folder, 'tokens.db');
  for (const [content, account] of [
    ['{"account":"/a/tokens.db"}', '/a/tokens.db'],
    ['{"account":""}', undefined],
    ['{"account":5}', undefined],
    ['{"account":"', undefined],
    ['{}', undefined],
  ] as const) {
    writeFileSync(`${db}.keyring.json`, content);
    assert.is(readKeyringAccount(db), account);
  }
  rememberKeyring(db, undefined);
  rememberKeyring(db, undefined);
  assert.equal(readdirSync(folder), []);
});

test('a link that another user has put there has no entries', () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets only an administrator make a link');
  const theirs = join(folder, 'theirs');
  writeFileSync(theirs, '{"a":1}');
  symlinkSync(theirs, file);
  assert.equal({ ...readEntries(file) }, {});
  rmSync(theirs);
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
