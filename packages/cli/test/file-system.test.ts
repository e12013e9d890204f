import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { networkName } from '../src/commands/doctor/checks/file-system.ts';

if (process.platform !== 'linux') {
  console.log('skipped: other systems than Linux do not number their file systems');
  process.exit(0);
}

for (const [type, mounted, expected] of [
  [0x6969, 'nfs4', 'NFS'],
  [0xff534d42, 'cifs', 'CIFS'],
  // As a number of 32 bits with a sign.
  [0xff534d42 | 0, 'cifs', 'CIFS'],
  [0xfe534d42, 'smb3', 'SMB2'],
  [0x01021997, '9p', '9P'],
  [0x00c36400, 'ceph', 'Ceph'],
  [0x65735546, 'fuse.sshfs', 'fuse.sshfs'],
  [0x65735546, 'fuse.rclone', 'fuse.rclone'],
  [0x65735546, 'fuse.gocryptfs', undefined],
  [0x65735546, 'fuseblk', undefined],
  [0x65735546, undefined, undefined],
  [0xef53, 'ext4', undefined],
  [0x9123683e, 'btrfs', undefined],
  [0x01021994, 'tmpfs', undefined],
  [0x794c7630, 'overlay', undefined],
] as const) {
  test(`${mounted} (0x${(type >>> 0).toString(16)}) ${expected ? 'is' : 'is not'} a network file system`, () => {
    assert.is(networkName(type, mounted), expected);
  });
}

test.run();
