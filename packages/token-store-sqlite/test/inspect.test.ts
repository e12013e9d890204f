import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
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
import { inspectTokenStore, openTokenStore, type TokenStoreInspection } from '../src/index.ts';
import { readRecord } from '../src/read-record.ts';
import { filesBeside, holder, newStore, waiter } from './lock-holders.ts';
import { bare, create } from './original-class.ts';
import { rollbackJournal } from './rollback-journal.ts';
import { snapshot } from './snapshot.ts';
import { startProgram } from './start-program.ts';

const isLinux = process.platform === 'linux';
const posix = process.platform === 'win32' ? test.skip : test;
const linux = isLinux ? test : test.skip;
const newPath = (): string => join(temporaryDirectory(), 'tokens.db');

/** Inspects the file, and asserts that nothing was made or changed. */
function inspect(path: string): TokenStoreInspection {
  const before = snapshot(dirname(path));
  const found = inspectTokenStore(path);
  assert.equal(snapshot(dirname(path)), before);
  return found;
}

function fill(path: string, key?: Uint8Array): void {
  using store = openTokenStore(path, key ? { key } : {});
  store.set('app', { refreshToken: 'r'.repeat(20_000), accessToken: 'a' });
}

test('a file of ours', () => {
  const path = newPath();
  fill(path);
  const { access, fileSystem, ...found } = inspect(path);
  const size = readFileSync(path).length;
  assert.equal(found, { path, state: 'ours', error: undefined, isEncrypted: false, size, locks: [] });
  assert.is(access?.file.path, path);
  assert.is(access?.file.denied, undefined);
  assert.is(access?.directory.path, dirname(path));
  if (process.platform !== 'win32') {
    assert.equal([access?.file.mode, access?.directory.mode], [0o600, 0o700]);
    assert.is(access?.file.owner, process.geteuid?.());
  }
  assert.ok(fileSystem && fileSystem.free > 0);
  assert.is(fileSystem?.isNetwork, false);
  if (isLinux) assert.match(String(fileSystem?.type), /^\w+$/);
});

const states: Record<string, { make(path: string): void; state: string; reason?: string; isEncrypted?: boolean }> = {
  'an encrypted file': { make: (path) => fill(path, new Uint8Array(32)), state: 'ours', isEncrypted: true },
  'a file of the Python class': {
    make: (path) => bare(path, (database) => void database.exec(create)),
    state: 'original',
    isEncrypted: false,
  },
  'an empty file': { make: (path) => writeFileSync(path, ''), state: 'empty', isEncrypted: false },
  'no file': { make: () => {}, state: 'unusable', reason: 'missing' },
  'a directory': { make: (path) => mkdirSync(path), state: 'unusable', reason: 'not-a-file' },
  "another program's database": {
    make: (path) => bare(path, (database) => void database.exec('CREATE TABLE notes (text)')),
    state: 'unusable',
    reason: 'foreign',
  },
  'a newer version': {
    make: (path) => {
      fill(path);
      bare(path, (database) => void database.exec('PRAGMA user_version = 2'));
    },
    state: 'unusable',
  },
  'a file that a process was stopped in writing': {
    make: (path) => {
      fill(path);
      writeFileSync(`${path}-journal`, rollbackJournal(readFileSync(path)));
    },
    state: 'unusable',
    reason: 'unfinished-write',
  },
  'random bytes': {
    make: (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(10_000))),
    state: 'unusable',
    reason: 'damaged',
  },
  'a file that was copied in part': {
    make: (path) => {
      fill(path);
      truncateSync(path, readFileSync(path).length - 100);
    },
    state: 'unusable',
    reason: 'damaged',
  },
  'a page that was overwritten': {
    make: (path) => {
      fill(path);
      const content = readFileSync(path);
      content.fill(0xff, content.length - 4096);
      writeFileSync(path, content);
    },
    state: 'unusable',
    reason: 'damaged',
  },
};
for (const [what, { make, state, reason, isEncrypted }] of Object.entries(states)) {
  test(`${what} is ${reason ?? state}`, () => {
    const path = newPath();
    make(path);
    const found = inspect(path);
    assert.is(found.path, path);
    assert.is(found.state, state);
    assert.is(found.isEncrypted, isEncrypted);
    assert.equal([found.error === undefined, found.error?.reason], [state !== 'unusable', reason]);
    if (found.error) assert.ok(found.error.remedy, found.error.message);
  });
}

linux('an inspection, the read of a record, and a lock leave no file open', async () => {
  const path = newPath();
  fill(path);
  const count = (): number => readdirSync('/proc/self/fd').length;
  inspectTokenStore(path);
  const before = count();
  for (let times = 0; times < 10; times++) assert.is(inspectTokenStore(path).state, 'ours');
  for (let times = 0; times < 10; times++) assert.is(readRecord(path, 'app')?.accessToken, 'a');
  using store = openTokenStore(path);
  for (let times = 0; times < 10; times++) await store.exclusively('app', async () => inspectTokenStore(path));
  assert.ok(count() < before + 5, `${before} files were open, and now ${count()}`);
});

posix('modes are told and stay; a link is followed', () => {
  const path = newPath();
  fill(path);
  chmodSync(path, 0o644);
  chmodSync(dirname(path), 0o755);
  const link = join(temporaryDirectory(), 'link.db');
  if (!makeLink(path, link)) return;
  const found = inspectTokenStore(link);
  assert.is(found.path, path);
  assert.equal([found.access?.file.mode, found.access?.directory.mode], [0o644, 0o755]);
  assert.equal(inspect(path).access, found.access);
});

linux('the locks that processes hold, and whether they are stopped', async () => {
  using store = newStore();
  const long = 'n'.repeat(40);
  const [short, other] = await Promise.all([holder(store, 'app'), holder(store, long)]);
  // It has a lock as well, as the next one.
  const next = await waiter(store);
  short.kill('SIGSTOP');
  for (const end = performance.now() + 5_000; performance.now() < end; ) {
    if (inspect(store.path).locks.some(({ isStopped }) => isStopped)) break;
  }
  const { locks } = inspect(store.path);
  const shown = locks.map(({ kind, name, pid, isStopped }) => ({ kind, name, pid, isStopped }));
  assert.equal(
    shown.sort((one, two) => Number(two.isStopped) - Number(one.isStopped)),
    [
      { kind: 'name', name: 'app', pid: short.pid, isStopped: true },
      { kind: 'name', name: long, pid: other.pid, isStopped: false },
    ],
  );
  for (const { since = 0, program } of locks) {
    assert.ok(since > Date.now() - 20_000 && since <= Date.now(), String(since));
    assert.ok(program);
  }
  const programs = [next, short, other];
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  assert.equal(inspect(store.path).locks, [], 'what killed processes leave is no lock');
});

linux('a holder that did not say its name is told with no name, and no time, of the one before', async () => {
  using store = newStore();
  const program = await holder(store);
  const [file = ''] = filesBeside(store).filter((name) => name.endsWith('-holder'));
  const path = join(dirname(store.path), file);
  const text = readFileSync(path, 'utf8');
  // Each process that has this lock has it for this name.
  for (const [before, name] of [
    [text.replace('app', 'other'), undefined],
    [text.replace(/^\d+/, '1'), 'app'],
  ] as const) {
    writeFileSync(path, before);
    const { locks } = inspect(store.path);
    assert.equal(
      locks.map(({ kind, pid, name, since }) => [kind, pid, name, since]),
      [['name', program.pid, name, undefined]],
    );
  }
  program.kill('SIGKILL');
});

test('where the system does not tell of locks, that of a process which runs is told, and not what a killed one has left', async () => {
  using store = newStore();
  const program = await holder(store);
  const { readFileSync } = fs;
  const { kill } = process;
  const noLocks = (path: string): never => {
    throw new Error(path);
  };
  fs.readFileSync = ((path: string, ...rest: []) =>
    path === '/proc/locks' ? noLocks(path) : readFileSync(path, ...rest)) as typeof readFileSync;
  try {
    assert.equal(
      inspect(store.path).locks.map(({ kind, name, pid }) => [kind, name, pid]),
      [['name', 'app', program.pid]],
    );
    process.kill = () => {
      throw Object.assign(new Error('another user runs it'), { code: 'EPERM' });
    };
    assert.is(inspect(store.path).locks.length, 1);
    process.kill = kill;
    program.kill('SIGKILL');
    await program.ended;
    assert.equal(inspect(store.path).locks, []);
  } finally {
    Object.assign(process, { kill });
    fs.readFileSync = readFileSync;
  }
});

test('a write of another process is waited for', async () => {
  const path = newPath();
  fill(path);
  const program = startProgram('block', [path, 200]);
  assert.is(await program.line(), 'blocks');
  assert.is(inspectTokenStore(path).state, 'ours');
  await program.ended;
});

linux('a process that keeps the database locked is named, and the wait for it is short', async () => {
  const path = newPath();
  fill(path);
  const program = startProgram('block', [path, 60_000]);
  assert.is(await program.line(), 'blocks');
  const started = performance.now();
  const { error, locks } = inspect(path);
  assert.ok(performance.now() - started < 3_000);
  assert.equal([error?.code, error?.reason], ['STORE_BUSY', 'database-locked']);
  assert.equal(
    locks.map(({ kind, pid }) => [kind, pid]),
    [['database', program.pid]],
  );
  program.kill('SIGKILL');
});

(isRoot && isLinux ? test : test.skip)(
  'a lock of a file with the same inode number on another file system is not told',
  async () => {
    const folders = [temporaryDirectory(), temporaryDirectory()];
    // The inode numbers of a new file system begin anew.
    const mounted = folders.filter((folder) => spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', folder]).status === 0);
    try {
      if (mounted.length < folders.length) return console.log('skipped: this user may mount nothing');
      const [path, other] = folders.map((folder) => join(folder, 'tokens.db')) as [string, string];
      for (const each of [path, other]) fill(each);
      assert.is(statSync(path).ino, statSync(other).ino);
      const program = startProgram('block', [other, 60_000]);
      assert.is(await program.line(), 'blocks');
      assert.equal(inspect(path).locks, []);
      assert.is(inspect(other).locks[0]?.pid, program.pid);
      program.kill('SIGKILL');
      await program.ended;
    } finally {
      for (const folder of mounted) spawnSync('umount', ['-l', folder]);
    }
  },
);

linux('the locks of this process stay while it inspects', () => {
  using store = newStore();
  const writer = new Database(store.path);
  writer.exec('BEGIN IMMEDIATE');
  for (let round = 0; round < 2; round++) {
    const [lock] = inspectTokenStore(store.path).locks;
    assert.equal([lock?.kind, lock?.pid], ['database', process.pid], `round ${round}`);
  }
  writer.exec('COMMIT');
  writer.close();
});

(process.platform !== 'win32' && hasPlaceForUsers ? test : test.skip)(
  'a directory that may be entered, but not read, hides the locks and nothing else',
  async () => {
    const directory = directoryForUsers();
    const path = join(directory, 'tokens.db');
    fill(path);
    if (isRoot) for (const each of [path, directory]) chownSync(each, otherUser, otherUser);
    chmodSync(directory, 0o100);
    const { output } = await startProgram('attempt', [path, 'inspect']).ended;
    chmodSync(directory, 0o700);
    assert.equal(JSON.parse(output), { results: ['ours'] });
  },
);

test.run();
