import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertReadOnly, testFault, testMounted } from './disk-trouble.ts';

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

test.run();
