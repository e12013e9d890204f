import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import {
  directoryForUsers,
  hasPlaceForUsers,
  isRoot,
  makeLink,
  otherUser,
  temporaryDirectory,
} from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileTokenStore, type TokenStoreError } from '../src/index.ts';
import { startProgram } from './start-program.ts';

const windows = process.platform === 'win32';
const posixTest = windows ? test.skip : test;
const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace)
  console.log('skipped: strace shows what is synced, and makes system calls fail (apt-get install strace)');
const traceTest = canTrace && hasPlaceForUsers ? test : test.skip;
const newPath = (): string => join(temporaryDirectory(), 'tokens.json');

for (const umask of [0, 0o177]) {
  posixTest(
    `the file and new directories are closed to others and open to us, with a umask of ${umask.toString(8)}`,
    async () => {
      const path = join(temporaryDirectory(), 'new', 'deep', 'tokens.json');
      const before = process.umask(umask);
      try {
        using store = openFileTokenStore(path);
        await store.set('app', { refreshToken: 'one' });
        await store.exclusively('app', async () => assert.is(statSync(`${path}-locks`).mode & 0o777, 0o700));
      } finally {
        process.umask(before);
      }
      for (const [each, mode] of [
        [path, 0o600],
        [dirname(path), 0o700],
        [dirname(dirname(path)), 0o700],
      ] as const) {
        assert.is(statSync(each).mode & 0o777, mode, each);
      }
    },
  );
}

posixTest(
  'a file of the tool that others can read is closed to them by the first write, its folder is not',
  async () => {
    const path = newPath();
    writeFileSync(path, '');
    chmodSync(path, 0o644);
    chmodSync(dirname(path), 0o775);
    using store = openFileTokenStore(path);
    await store.set('app', { refreshToken: 'one' });
    assert.is(statSync(path).mode & 0o777, 0o600);
  },
);

test('a symbolic link stays one, and its file is written', async () => {
  const [path, link] = [newPath(), newPath()];
  writeFileSync(path, '');
  if (!makeLink(path, link)) return;
  using store = openFileTokenStore(link);
  assert.is(store.path, path);
  await store.set('app', { refreshToken: 'one' });
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.match(readFileSync(path, 'utf8'), '"one"');
  assert.equal(readdirSync(dirname(link)), ['tokens.json']);
});

posixTest('a directory, and a link without a file, are STORE_OPEN', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'folder'));
  symlinkSync('nowhere', join(directory, 'link'));
  for (const name of ['folder', 'link', 'folder/../link']) {
    assert.throws(
      () => openFileTokenStore(join(directory, name)),
      ({ code, reason }: TokenStoreError) => code === 'STORE_OPEN' && reason === 'not-a-file',
    );
  }
});

(isRoot && hasPlaceForUsers ? test : test.skip)(
  'a file of a user that root writes stays that of the user',
  async () => {
    const path = join(directoryForUsers(), 'tokens.json');
    writeFileSync(path, '', { mode: 0o600 });
    chownSync(path, otherUser, otherUser);
    chmodSync(dirname(path), 0o755);
    assert.is(statSync(dirname(path)).uid, 0);
    using store = openFileTokenStore(path);
    await store.set('app', { refreshToken: 'one' });
    assert.is(statSync(path).uid, otherUser);
  },
);

test('what a killed process has left of a draft goes with the next write, and is never part of it', async () => {
  const path = newPath();
  using store = openFileTokenStore(path);
  writeFileSync(`${path}-draft`, 'x'.repeat(10_000), { mode: 0o644 });
  await store.set('app', { refreshToken: 'one' });
  assert.equal(readdirSync(dirname(path)), ['tokens.json']);
  assert.equal(store.get('app'), { refreshToken: 'one' });
  assert.is(statSync(path).mode & 0o077, windows ? 0o066 : 0);
});

/** The calls that a write makes on the file, its draft and its folder. */
async function trace(path: string): Promise<string[]> {
  const log = join(temporaryDirectory(), 'trace');
  const calls = 'trace=mkdir,write,pwrite64,fsync,fdatasync,rename';
  await startProgram('attempt', [path, 'set'], ['strace', '-f', '-y', '-o', log, '-e', calls]).ended;
  const place = dirname(dirname(path));
  return [...readFileSync(log, 'utf8').matchAll(/^\d+ +(\w+)\((?:\d+<|")([^">]+)/gm)]
    .filter(([, , file = '']) => file.startsWith(place) && !file.includes('-locks'))
    .map(([, call, file = '']) => `${call} ${file.slice(place.length)}`);
}

traceTest('a draft is synced, then renamed, then the folder is synced', async () => {
  const place = directoryForUsers();
  if (isRoot) spawnSync('chown', [`${otherUser}`, place]);
  assert.equal(await trace(join(place, 'new', 'tokens.json')), [
    'mkdir /new',
    'fsync ',
    'write /new/tokens.json-draft',
    'fsync /new/tokens.json-draft',
    'rename /new/tokens.json-draft',
    'fsync /new',
  ]);
});

type Fault = readonly [call: string, errno: string, code: string, reason: string | undefined];
const faults: Fault[] = [
  ['write', 'ENOSPC', 'STORE_FULL', undefined],
  ['fsync', 'EIO', 'STORE_OPEN', 'disk'],
  ['rename', 'EROFS', 'STORE_READONLY', 'read-only-file-system'],
];
for (const [call, errno, code, reason] of faults) {
  traceTest(`if ${call} fails with ${errno}, that is ${code}, and the old record stays alone`, async () => {
    const path = join(directoryForUsers(), 'tokens.json');
    {
      using store = openFileTokenStore(path);
      await store.set('app', { refreshToken: 'old' });
    }
    if (isRoot) spawnSync('chown', ['-R', `${otherUser}`, dirname(path)]);
    const tool = ['strace', '-f', '-o', '/dev/null', '-P', `${path}-draft`];
    const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${errno}`];
    const { output } = await startProgram('attempt', [path, 'set'], [...tool, ...inject]).ended;
    const found = JSON.parse(output) as TokenStoreError;
    assert.equal([found.code, found.reason], [code, reason], output);
    assert.match(found.message, `${path}: `);
    using store = openFileTokenStore(path);
    assert.equal(store.get('app'), { refreshToken: 'old' });
    assert.equal(readdirSync(dirname(path)), ['tokens.json']);
  });
}

(existsSync('/proc/self/fd') ? test : test.skip)(
  'no call leaves a file open, with a short and a long path, also if another process removes its socket',
  async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    let renames = 0;
    const removeThenRename = (from: string, to: string): void => {
      if (from.includes('-new-') && ++renames % 2 === 1) rmSync(from);
      renameSync(from, to);
    };
    Object.assign(fs, { renameSync: removeThenRename });
    for (const folder of ['x', 'x'.repeat(100)]) {
      using store = openFileTokenStore(join(temporaryDirectory(), folder, 'tokens.json'));
      const before = open();
      for (let times = 0; times < 20; times++) {
        await store.set('app', { refreshToken: 'one' });
        assert.equal(store.get('app'), { refreshToken: 'one' });
      }
      assert.ok(open() < before + 10, `${before} files were open, and now ${open()}`);
    }
    Object.assign(fs, { renameSync });
  },
);

(windows || !hasPlaceForUsers ? test.skip : test)(
  'a folder that may only be read: reading works, the rest is STORE_READONLY',
  async () => {
    const path = join(directoryForUsers(), 'tokens.json');
    {
      using store = openFileTokenStore(path);
      await store.set('app', { refreshToken: 'old' });
    }
    if (isRoot) spawnSync('chown', ['-R', `${otherUser}`, dirname(path)]);
    const [other, below] = ['other.json', 'new/tokens.json'].map((name) => join(dirname(path), name));
    // Root has made it, and is trusted.
    if (isRoot) mkdirSync(`${other}-locks`, { mode: 0o700 });
    chmodSync(dirname(path), 0o500);
    const calls = [path, 'get', '--', path, 'set', '--', `${other}`, 'exclusively', '--', `${below}`];
    const lines = (await startProgram('attempt', calls).ended).output.split('\n');
    assert.match(lines[0] ?? '', '"old"');
    for (const line of lines.slice(1, 3)) assert.match(line, '"code":"STORE_READONLY","reason":"no-permission"');
    assert.match(lines[3] ?? '', /"code":"STORE_OPEN","reason":"no-permission".*its directory cannot be made/);
    // It may be written, but not opened to be synced.
    chmodSync(dirname(path), 0o300);
    const { output } = await startProgram('attempt', [path, 'set', '--', path, 'get']).ended;
    assert.match(output, /^.*"code":"STORE_READONLY","reason":"no-permission".*\n.*"old"/);
    chmodSync(dirname(path), 0o700);
  },
);

posixTest('a folder that is gone, or cannot be found any more, is a TokenStoreError', async () => {
  const path = join(temporaryDirectory(), 'folder', 'tokens.json');
  using store = openFileTokenStore(path);
  const reasonOf = (call: Promise<unknown>): Promise<unknown> => call.catch(({ code, reason }) => `${code} ${reason}`);
  rmSync(dirname(path), { recursive: true });
  const record = { refreshToken: 'new' };
  assert.is(await reasonOf(store.set('app', record)), 'STORE_OPEN undefined');
  symlinkSync('folder', dirname(path));
  assert.is(await reasonOf(store.set('app', record)), 'STORE_OPEN not-a-file');
  assert.is(await reasonOf(store.changed('app', { timeout: 1 })), 'STORE_OPEN not-a-file');
});

posixTest('on Windows, a write waits until no program has the file open, and keeps what that has written', async () => {
  const { platform } = process;
  const before = process.cwd();
  const [path, other] = [newPath(), newPath()];
  using store = openFileTokenStore(path);
  await openFileTokenStore(other).set('other', { refreshToken: 'of the program' });
  const failures = ['EPERM', 'EBUSY', 'EACCES'];
  const renameIfClosed = (from: string, to: string): unknown => {
    const code = failures.pop();
    if (!code) return renameSync(from, to);
    writeFileSync(path, readFileSync(other));
    throw Object.assign(new Error('the file is open'), { code });
  };
  // The locks of Windows are made in this folder.
  process.chdir(temporaryDirectory());
  Object.defineProperty(process, 'platform', { value: 'win32' });
  Object.assign(fs, { renameSync: renameIfClosed });
  try {
    await store.set('app', { refreshToken: 'one' });
  } finally {
    Object.assign(fs, { renameSync });
    Object.defineProperty(process, 'platform', { value: platform });
    process.chdir(before);
  }
  assert.equal([store.list(), failures], [['app', 'other'], []]);
});

test('stores of several names, processes and threads lose no write', async () => {
  const path = newPath();
  const counters = ['a', 'b'].map((name) => startProgram('count-to', [path, name, 30]));
  for (const { code } of await Promise.all(counters.map(({ ended }) => ended))) assert.is(code, 0);
  using store = openFileTokenStore(path);
  const own = await Promise.all(
    Array.from({ length: 20 }, (_, index) => store.set(`own${index}`, { refreshToken: 'x' })),
  );
  assert.is(store.list().length, own.length + 2 + 2);
  for (const name of ['a', 'b']) assert.equal(store.get(name), { refreshToken: '30' });
});

const withoutChown = ['setpriv', '--bounding-set=-chown', '--inh-caps=-chown'];
const canDrop = isRoot && spawnSync('setpriv', [...withoutChown.slice(1), 'true']).status === 0;
if (!canDrop) console.log('skipped: setpriv takes a capability from root (apt-get install util-linux)');
(canDrop ? test : test.skip)(
  'root that may give no file away writes in a folder of root and another group',
  async () => {
    const path = newPath();
    chownSync(dirname(path), 0, otherUser);
    const { output } = await startProgram('write', [path], withoutChown).ended;
    assert.equal([output, openFileTokenStore(path).get('app')], ['', { refreshToken: 'new' }]);
  },
);

test('a delete that finds no record leaves no tokens in the draft of a killed sign-in', async () => {
  using store = openFileTokenStore(newPath());
  writeFileSync(`${store.path}-draft`, '{ "version": 1, "records": { "app": { "refreshToken": "secret" } } }');
  assert.is(await store.delete('app'), false);
  assert.equal(readdirSync(dirname(store.path)), []);
});

test.run();
