import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attempt } from '../test/attempt.ts';
import { assertReadOnly, small, testFault, testMounted } from '../test/disk-trouble.ts';

function fill(directory: string): string {
  const file = join(directory, 'filler');
  const descriptor = openSync(file, 'w');
  for (const size of [4096, 1]) {
    try {
      for (;;) writeSync(descriptor, Buffer.alloc(size));
    } catch (error) {
      assert.is((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(descriptor);
  return file;
}

testMounted('a full disk is STORE_FULL, keeps the old record, and does not hinder the lock', async () => {
  const path = join(small, 'tokens.db');
  assert.equal((await attempt(path, ['set'])).results, [null]);
  const filler = fill(small);
  const before = readFileSync(path);
  const { code, message } = await attempt(path, ['set']);
  assert.is(code, 'STORE_FULL');
  assert.match(String(message), new RegExp(`^${path}: the disk is full.*Free some space`));
  assert.is((await attempt(join(small, 'new.db'), [])).code, 'STORE_FULL');
  assert.equal((await attempt(path, ['get', 'exclusively'])).results, [{ refreshToken: 'new' }, 'ran']);
  assert.ok(readFileSync(path).equals(before), 'the file was changed');
  rmSync(filler);
  assert.equal((await attempt(path, ['set', 'get'])).results, [null, { refreshToken: 'new' }]);
  assert.equal((await attempt(join(small, 'new.db'), ['set'])).results, [null]);
});

testMounted('a read-only file system is the cause of whatever cannot be done', () =>
  assertReadOnly([
    ['tokens.db', ['exclusively'], 'STORE_READONLY'],
    ['another.db', [], 'STORE_READONLY'],
  ]),
);

testFault(['pwrite64', 'EDQUOT', 'STORE_OPEN', 'disk', /Check the disk, its quota/]);
testFault(['fsync', 'EIO', 'STORE_OPEN', 'disk', /Check the disk, its quota/]);
testFault(['pread64', 'EIO', 'STORE_OPEN', 'disk', /Check the disk, its quota/]);

test.run();
