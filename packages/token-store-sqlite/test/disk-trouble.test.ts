import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attempt } from './attempt.ts';
import { assertReadOnly, small, testFault, testMounted } from './disk-trouble.ts';

// test-long/disk-trouble.test.ts has the rest.
testMounted('a read-only file system is named as the cause, and can be read', () =>
  assertReadOnly([
    ['tokens.db', ['set'], 'STORE_READONLY'],
    ['new/another.db', [], 'STORE_OPEN'],
  ]),
);

testFault(['pwrite64', 'ENOSPC', 'STORE_FULL', undefined, /Free some space/]);
testFault(['pwrite64', 'EIO', 'STORE_OPEN', 'disk', /Check the disk, its quota/]);

const posix = process.platform === 'win32' ? test.skip : test;
posix('a process that may open no more files is told so', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  const program = `import { openSync, writeSync } from 'node:fs';
    import { openTokenStore } from ${JSON.stringify(import.meta.resolve('../src/index.ts'))};
    const store = openTokenStore(${JSON.stringify(path)});
    try { for (;;) openSync('/dev/null', 'r'); } catch {}
    try { store.set('app', { refreshToken: 'new' }); } catch (error) { writeSync(1, error.problem); }`;
  const node = [process.execPath, '--input-type=module', '-e', program];
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -n 64 && exec "$@"', 'sh', ...node], { encoding: 'utf8' });
  assert.is(stdout, `${path}: cannot be opened, because too many files are open (SQLITE_CANTOPEN)`);
});

testMounted('a disk with space that takes no more files is STORE_FULL, and keeps the old record', async () => {
  const path = join(small, 'tokens.db');
  assert.equal((await attempt(path, ['set'])).results, [null]);
  assert.is(spawnSync('mount', ['-o', 'remount,nr_inodes=20', small]).status, 0);
  const fill = () => {
    for (let file = 0; file < 20; file++) writeFileSync(join(small, `filler-${file}`), '');
  };
  assert.throws(fill, /ENOSPC/);
  const { code, message } = await attempt(path, ['set']);
  assert.is(code, 'STORE_FULL', message);
  assert.match(String(message), new RegExp(`^${path}: the disk is full.*Free some space.*df -i`));
  for (const file of readdirSync(small)) if (file.startsWith('filler-')) rmSync(join(small, file));
  assert.equal((await attempt(path, ['get', 'set'])).results, [{ refreshToken: 'new' }, null]);
  assert.equal(readdirSync(small), ['tokens.db']);
});

test.run();
