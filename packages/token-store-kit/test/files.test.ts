import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accessError,
  creationError,
  findFile,
  inspectFileSystem,
  makeDirectories,
  openError,
  openPrivateFile,
  ownNamespace,
  removeIfThere,
  systemCode,
  usePrivateFile,
} from '../src/files.ts';
import { TokenStoreError } from '../src/index.ts';

const posixTest = process.platform === 'win32' ? test.skip : test;
/** Only root can act as two users. */
const asRoot = process.geteuid?.() === 0 ? test : test.skip;
const [someUser, otherUser] = [65_534, 65_533];
const self = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

const newDirectory = (): string => fs.realpathSync(temporaryDirectory());

function newFile(owner = self, directory = newDirectory()): string {
  const path = join(directory, 'file');
  fs.writeFileSync(path, 'text', { mode: 0o600 });
  fs.chownSync(path, owner.uid, owner.gid);
  return path;
}

/** What an error is, for a program. */
function kindOf(error: unknown): string {
  const { code, reason } = error as TokenStoreError;
  return `${code} ${reason}`;
}

function assertFailure(expected: string, act: () => unknown, what?: string): void {
  let failure = 'none';
  try {
    act();
  } catch (error) {
    failure = kindOf(error);
  }
  assert.is(failure, expected, what);
}

/** Runs `act`, for which this process has another user. */
function as(user: number, act: () => void): void {
  const { geteuid } = process;
  Object.assign(process, { geteuid: () => user });
  try {
    act();
  } finally {
    Object.assign(process, { geteuid });
  }
}

const countOpen = (): number => fs.readdirSync(fs.existsSync('/proc/self/fd') ? '/proc/self/fd' : '/dev/fd').length;

for (const [code, opened, written = opened] of [
  ['EACCES', 'STORE_OPEN no-permission', 'STORE_READONLY no-permission'],
  ['EPERM', 'STORE_OPEN no-permission', 'STORE_READONLY no-permission'],
  ['EROFS', 'STORE_OPEN read-only-file-system', 'STORE_READONLY read-only-file-system'],
  ['ENOSPC', 'STORE_FULL undefined'],
  ['EDQUOT', 'STORE_FULL undefined'],
  ['EIO', 'STORE_OPEN disk'],
  ['EFBIG', 'STORE_OPEN disk'],
  ['EISDIR', 'STORE_OPEN not-a-file'],
  ['ELOOP', 'STORE_OPEN not-a-file'],
  ['ENOTDIR', 'STORE_OPEN not-a-file'],
  ['EMFILE', 'STORE_OPEN undefined'],
  ['ENFILE', 'STORE_OPEN undefined'],
  ['ENAMETOOLONG', 'STORE_OPEN undefined'],
] as const) {
  test(`${code} is ${opened} if a file is opened, and ${written} if it is written`, () => {
    const cause = Object.assign(new Error(), { code });
    const errors = [openError('/a', cause), creationError('/a', cause)] as TokenStoreError[];
    assert.equal(errors.map(kindOf), [opened, written]);
    for (const error of errors) {
      assert.match(error.problem, /^\/a: /);
      assert.ok(error.problem.endsWith(` (${code})`));
      assert.equal([error.path, error.cause], ['/a', cause]);
      assert.is(error.problem.includes('read-only'), code === 'EROFS');
      assert.is(error.problem.includes('too many files'), /^E[MN]FILE$/.test(code));
      assert.is(error.remedy?.includes('shorter name'), code === 'ENAMETOOLONG');
      assert.is(error.remedy?.startsWith('Check the disk'), /^E(IO|FBIG)$/.test(code));
    }
  });
}

test('an error that is not one of the system stays as it is', () => {
  for (const error of [
    new TypeError('other'),
    new TokenStoreError('STORE_BUSY', 'other'),
    { code: 5 },
    { code: 'SQLITE_BUSY' },
    null,
    undefined,
  ]) {
    assert.is(openError('/a', error), error);
    assert.is(creationError('/a', error), error);
  }
  assert.equal([{ code: 5 }, null, { code: 'X' }].map(systemCode), [undefined, undefined, 'X']);
});

test('a file that is found has its path without symbolic links', () => {
  const path = newFile();
  const link = join(newDirectory(), 'link');
  fs.symlinkSync(path, link);
  for (const each of [path, link]) {
    const found = findFile(each);
    assert.equal([found?.path, found?.stats.size], [path, 4]);
  }
  assert.is(findFile(`${path}-other`), undefined);
  assert.equal(
    [path, `${path}-other`].map((each) => accessError(each, fs.constants.R_OK)),
    [undefined, 'ENOENT'],
  );
});

posixTest('what is not a file, or has several names, is refused', () => {
  const path = newFile();
  assertFailure('STORE_OPEN not-a-file', () => findFile(join(path, '..')));
  assertFailure('STORE_OPEN not-a-file', () => findFile(join(path, 'below')));
  fs.linkSync(path, `${path}-2`);
  assertFailure('STORE_OPEN linked', () => findFile(path));
  assert.throws(() => findFile(join(path, '..')), /^[^()]*file\. /);
});

const inNamespace = ['--mount', 'sh', '-c', 'mount --bind "$1" "$2" && exec "$3" --input-type=module -e "$4"', 'sh'];
const canMount = spawnSync('unshare', [...inNamespace, '/proc/self/mounts', '/proc/self/mounts', 'true']).status === 0;
if (!canMount) console.log('skipped: this user may mount nothing');
(canMount ? test : test.skip)('a file that is mounted alone is refused: its locks would be in another folder', () => {
  const [path, target] = [newFile(), newFile()];
  const module = JSON.stringify(import.meta.resolve('../src/files.ts'));
  const find = (path: string): string => `try { found.push(findFile(${JSON.stringify(path)}) && 'found'); }
    catch (error) { found.push(error.reason + ' ' + error.message); }`;
  const code = `const { findFile } = await import(${module});
    const found = [];
    ${find(target)} ${find(path)}
    console.log(JSON.stringify(found));`;
  const { stdout } = spawnSync('unshare', [...inNamespace, path, target, process.execPath, code], { encoding: 'utf8' });
  const [alone, beside] = JSON.parse(stdout);
  assert.match(alone, /^linked .*: is mounted alone.* Mount the folder, not the file$/);
  assert.is(beside, 'found');
});

asRoot('a file of another user is refused if its folder, or that of a link to it, lets others put it there', () => {
  for (const [user, uid, folder, mode, failure] of [
    [0, someUser, someUser, 0o777, 'STORE_OPEN exposed'],
    [0, someUser, otherUser, 0o705, 'STORE_OPEN exposed'],
    [0, someUser, someUser, 0o775, 'none'],
    [0, someUser, 0, 0o705, 'none'],
    [otherUser, someUser, someUser, 0o705, 'STORE_OPEN exposed'],
    [otherUser, someUser, 0, 0o775, 'STORE_OPEN exposed'],
    [otherUser, someUser, otherUser, 0o705, 'none'],
    [otherUser, someUser, 0, 0o705, 'none'],
    [someUser, someUser, someUser, 0o777, 'none'],
    [someUser, 0, someUser, 0o777, 'none'],
  ] as const) {
    const path = newFile({ uid, gid: uid });
    const link = join(newDirectory(), 'link');
    const target = newFile({ uid, gid: uid });
    fs.chmodSync(dirname(target), 0o705);
    fs.symlinkSync(target, link);
    for (const each of [path, link]) {
      fs.chownSync(dirname(each), folder, folder);
      fs.chmodSync(dirname(each), mode);
      as(user, () => assertFailure(failure, () => findFile(each), `${[user, uid, folder, mode.toString(8)]}`));
    }
  }
});

posixTest('a file that is made has mode 0600, and one that is read is not made', () => {
  const path = join(newDirectory(), 'file');
  assertFailure('ENOENT undefined', () => openPrivateFile(path, { owner: self }));
  for (const text of ['first', 'again']) {
    const descriptor = openPrivateFile(path, { owner: self, create: true });
    fs.writeFileSync(descriptor, text);
    fs.closeSync(descriptor);
    assert.equal([fs.readFileSync(path, 'utf8'), fs.statSync(path).mode & 0o777], [text, 0o600]);
  }
  const descriptor = openPrivateFile(path, { owner: self });
  assert.is(fs.readFileSync(descriptor, 'utf8'), 'again');
  assertFailure('EBADF undefined', () => fs.writeSync(descriptor, 'x'));
  fs.closeSync(descriptor);
});

posixTest('a file that is used is closed afterwards, also if that fails', () => {
  const path = newFile();
  const before = countOpen();
  assert.is(
    usePrivateFile(path, { owner: self }, (descriptor) => fs.readFileSync(descriptor, 'utf8')),
    'text',
  );
  const fail = (): never => {
    throw new Error('of the caller');
  };
  assert.throws(() => usePrivateFile(path, { owner: self }, fail), /^of the caller$/);
  assert.is(countOpen(), before);
});

const planted: Record<string, [reason: string, plant: (path: string) => unknown]> = {
  'a FIFO': ['exposed', (path) => spawnSync('mkfifo', [path])],
  'a symbolic link': ['moved', (path) => fs.symlinkSync(newFile(), path)],
  'a link to a device': ['moved', (path) => fs.symlinkSync('/dev/null', path)],
  'a hard link': ['linked', (path) => fs.linkSync(newFile(), path)],
  'a folder': ['exposed', (path) => fs.mkdirSync(path)],
};
posixTest('nobody is told to open a link once more: that would fail in the same way', () => {
  const path = join(newDirectory(), 'tokens.db-journal');
  fs.symlinkSync('missing', path);
  assert.throws(() => openPrivateFile(path, { owner: self }), /is now a symbolic link.* remove the link$/);
});

posixTest('what is no file of its own is not opened in the place of one', () => {
  for (const [what, [reason, plant]] of Object.entries(planted)) {
    const path = join(newDirectory(), 'file');
    plant(path);
    assertFailure(`STORE_OPEN ${reason}`, () => openPrivateFile(path, { owner: self }), what);
  }
});

posixTest('a file that is made takes the place of what was there, unless that stays', () => {
  const target = newFile();
  for (const [what, [, plant]] of Object.entries(planted)) {
    const path = join(newDirectory(), 'file');
    plant(path);
    const create = () => fs.closeSync(openPrivateFile(path, { owner: self, create: true }));
    if (what === 'a folder') assertFailure('STORE_OPEN exposed', create, what);
    else create();
  }
  const path = join(newDirectory(), 'link');
  fs.symlinkSync(target, path);
  fs.closeSync(openPrivateFile(path, { owner: self, create: true }));
  assert.equal([fs.lstatSync(path).isFile(), fs.statSync(path).size, fs.statSync(target).size], [true, 0, 4]);
});

asRoot('a file that root makes is given to the owner, and one of a third user is refused', () => {
  const owner = { uid: someUser, gid: otherUser };
  const path = newFile();
  for (const user of [0, someUser]) as(user, () => fs.closeSync(openPrivateFile(path, { owner })));
  assert.is(fs.statSync(path).uid, 0, 'one that is only read was given away');
  const made = `${path}-made`;
  fs.closeSync(openPrivateFile(made, { owner, create: true }));
  const { uid, gid } = fs.statSync(made);
  assert.equal({ uid, gid }, owner);
  fs.closeSync(openPrivateFile(made, { owner }));
  fs.chownSync(made, otherUser, otherUser);
  assertFailure('STORE_OPEN exposed', () => openPrivateFile(made, { owner }));
});

posixTest('what takes the place of a file between two looks is closed again', () => {
  const { lstatSync } = fs;
  const path = newFile();
  fs.linkSync(path, `${path}-2`);
  const before = countOpen();
  // As if it came after this look.
  Object.assign(fs, { lstatSync: () => undefined });
  try {
    for (let times = 0; times < 20; times++) {
      assertFailure('STORE_OPEN linked', () => openPrivateFile(path, { owner: self }));
    }
  } finally {
    Object.assign(fs, { lstatSync });
  }
  assert.is(countOpen(), before);
});

posixTest('folders are made with mode 0700 and are on the disk, also if another process makes them', () => {
  const { existsSync, fsyncSync } = fs;
  const parent = newDirectory();
  const deep = join(parent, 'a', 'b');
  const before = countOpen();
  const synced: number[] = [];
  fs.fsyncSync = (descriptor) => {
    synced.push(fs.fstatSync(descriptor).ino);
    fsyncSync(descriptor);
  };
  try {
    for (const path of [deep, deep, parent]) makeDirectories(path);
    assert.equal(
      synced,
      [parent, join(parent, 'a')].map((path) => fs.statSync(path).ino),
    );
    // As if it came after this look.
    fs.existsSync = (path) => path !== deep && existsSync(path);
    makeDirectories(deep);
    // As on a drive of Windows that is not there.
    fs.existsSync = () => false;
    makeDirectories(deep);
  } finally {
    Object.assign(fs, { existsSync, fsyncSync });
  }
  assert.is(fs.statSync(join(deep, '..')).mode & 0o777, 0o700);
  assert.is(countOpen(), before);
  const path = newFile(self, deep);
  assertFailure('ENOTDIR undefined', () => makeDirectories(join(path, 'below')));
});

posixTest('folders have mode 0700 also with a umask of 0177, as a script sets it for its secret files', () => {
  const deep = join(newDirectory(), 'a', 'b');
  const before = countOpen();
  const umask = process.umask(0o177);
  try {
    makeDirectories(deep);
  } finally {
    process.umask(umask);
  }
  for (const path of [deep, join(deep, '..')]) assert.is(fs.statSync(path).mode & 0o777, 0o700, path);
  assert.is(countOpen(), before);
});

test('no folder is made in the place of one whose name is not UTF-8', () => {
  const parent = newDirectory();
  // So the system writes a working directory whose name has a byte 0xff.
  assertFailure('STORE_OPEN undefined', () => makeDirectories(join(parent, 'a\ufffd', 'b')));
  assert.equal(fs.readdirSync(parent), []);
});

test('a file is removed, and that there is none is no error', () => {
  const path = newFile();
  for (let times = 0; times < 2; times++) removeIfThere(path);
  assert.not.ok(fs.existsSync(path));
});

test('the file system of a folder is the one that was mounted last of those with the longest path', () => {
  const root = newDirectory();
  const folders = ['a b', 'a b/c', 'a bc', 'other'].map((name) => join(root, name));
  for (const folder of folders) fs.mkdirSync(folder);
  const points = [
    ['/', 'ext4'],
    [join(root, 'a\\040b', 'c'), 'tmpfs'],
    [join(root, 'a\\040b'), 'xfs'],
    [join(root, 'a\\040b'), 'nfs4'],
  ];
  withMounts(points, () => {
    const found = folders.map((folder) => inspectFileSystem(folder));
    assert.equal(
      found.map(({ type, isNetwork }) => `${type} ${isNetwork}`),
      ['nfs4 true', 'tmpfs false', 'ext4 false', 'ext4 false'],
    );
    const { bavail, bsize } = fs.statfsSync(root);
    const ratio = (found[0]?.free ?? 0) / (bavail * bsize);
    assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`);
    fs.readFileSync = () => {
      throw new Error('as on other systems');
    };
    assert.is(inspectFileSystem(root).type, undefined);
  });
  assertFailure('ENOENT undefined', () => inspectFileSystem(join(root, 'none')));
});

test('the types of network file systems are known', () => {
  const network = [
    'nfs4',
    'cifs',
    'smb3',
    '9p',
    'ceph',
    'fuse.sshfs',
    'fuse.rclone',
    'virtiofs',
    'fakeowner',
    'fuse.juicefs',
    'gfs2',
    'ocfs2',
  ];
  network.push('fuse.osxfs', 'fuse.grpcfuse'); // Docker Desktop's, as the two before: folders of the computer, seen in its virtual one.
  const local = ['fuse.gocryptfs', 'fuseblk', 'ext4', 'btrfs', 'tmpfs', 'overlay'];
  const isNetwork = (type: string): boolean => withMounts([['/', type]], () => inspectFileSystem('/').isNetwork);
  assert.equal([...local, ...network].filter(isNetwork), network);
});

/** Runs `act` with these mounts, in the words of Linux. */
function withMounts<T>(points: readonly string[][], act: () => T): T {
  const { readFileSync } = fs;
  const table = points
    .map(([point, type]) => `22 1 0:20 / ${point} rw,relatime shared:1 - ${type} source rw`)
    .join('\n');
  fs.readFileSync = ((path: string, ...rest: []) =>
    path === '/proc/self/mountinfo' ? `${table}\n` : readFileSync(path, ...rest)) as typeof readFileSync;
  try {
    return act();
  } finally {
    fs.readFileSync = readFileSync;
  }
}

test('the place of a process id is told by two letters or digits, the same each time', () => {
  assert.match(ownNamespace(), /^[\da-z]{2}$/);
  assert.is(ownNamespace(), ownNamespace());
  // Linux has a number for each.
  const namespace = fs.existsSync('/proc/self/ns/pid') ? fs.statSync('/proc/self/ns/pid').ino : 0;
  assert.is(Number.parseInt(ownNamespace(), 36), namespace % 36 ** 2);
});

test.run();
