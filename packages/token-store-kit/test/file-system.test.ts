import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isNetworkType } from '../src/files.ts';

for (const [type, expected] of [
  ['nfs4', true],
  ['cifs', true],
  ['smb3', true],
  ['9p', true],
  ['ceph', true],
  ['fuse.sshfs', true],
  ['fuse.rclone', true],
  ['fuse.gocryptfs', false],
  ['fuseblk', false],
  ['ext4', false],
  ['btrfs', false],
  ['tmpfs', false],
  ['overlay', false],
] as const) {
  test(`${type} ${expected ? 'is' : 'is not'} a network file system`, () => {
    assert.is(isNetworkType(type), expected);
  });
}

test.run();
