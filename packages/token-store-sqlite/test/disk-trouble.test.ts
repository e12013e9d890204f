import { test } from 'uvu';
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

test.run();
