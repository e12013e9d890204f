import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DatabaseFile } from '../src/database/database-file.ts';
import { openTokenStore, type TokenStoreError } from '../src/index.ts';
import { LockFile } from '../src/lock/lock-file.ts';
import { lockPathsOf, removeDrafts } from '../src/lock/lock-paths.ts';

const posix = process.platform === 'win32' ? test.skip : test;

function newLocks(count: number): LockFile[] {
  const path = join(temporaryDirectory(), 'lock');
  const database = new DatabaseFile(`${path}.db`, { readOnly: false });
  return Array.from({ length: count }, () => new LockFile(path, database));
}

/** As if another file had got the number of the one before. */
function moveBack(path: string): void {
  unlinkSync(path);
  renameSync(`${path}-before`, path);
  utimesSync(path, 1, 1);
}

for (const [what, makeAgain] of [
  ['removes', () => {}],
  ['removes and makes again', (path: string) => writeFileSync(path, '', { mode: 0o600 })],
  ['removes and makes twice again, with its old number', moveBack],
] as const) {
  // Windows removes no file that is open.
  (makeAgain === moveBack ? posix : test)(`a file that another process ${what} while it is opened is no error`, () => {
    const path = join(temporaryDirectory(), 'lock');
    writeFileSync(path, '', { mode: 0o600 });
    const database = new DatabaseFile(`${path}.db`, { readOnly: false });
    const { connect } = database;
    database.connect = (options) => {
      database.connect = connect;
      renameSync(path, `${path}-before`);
      if (makeAgain === moveBack) writeFileSync(path, '', { mode: 0o600 });
      try {
        return database.connect(options);
      } finally {
        makeAgain(path);
      }
    };
    const lock = new LockFile(path, database);
    assert.ok(lock.tryLock());
    assert.is(database.connect, connect);
    assert.not.ok(new LockFile(path, database).tryLock(), 'two hold the lock');
    lock.remove();
  });
}

test('a lock file may have two names as long as it is empty: so it is made', () => {
  const path = join(temporaryDirectory(), 'lock');
  writeFileSync(path, '', { mode: 0o600 });
  linkSync(path, `${path}-other`);
  const lock = new LockFile(path, new DatabaseFile(`${path}.db`, { readOnly: false }));
  assert.ok(lock.tryLock());
  lock.close();
  writeFileSync(path, 'of another program');
  assert.throws(
    () => lock.tryLock(),
    (error: TokenStoreError) => error.reason === 'linked',
  );
});

test('a lock works on a file system without hard links, also if another process makes it meanwhile', () => {
  const fs = process.getBuiltinModule('node:fs');
  const { linkSync } = fs;
  const [first, second] = newLocks(2) as [LockFile, LockFile];
  for (const isMade of [false, true]) {
    fs.linkSync = (_from, path) => {
      if (isMade) writeFileSync(path, '', { mode: 0o600 });
      throw Object.assign(new Error('no links'), { code: 'EPERM' });
    };
    try {
      assert.ok(first.tryLock());
      assert.not.ok(second.tryLock());
    } finally {
      fs.linkSync = linkSync;
    }
    first.remove();
    second.close();
  }
});

test('a lock on a removed file does not count, even if the file is still open', () => {
  const [first, waiter, newcomer] = newLocks(3) as [LockFile, LockFile, LockFile];
  assert.ok(first.tryLock());
  assert.not.ok(waiter.tryLock());
  first.remove();
  // The waiter still has the old file open, and that file is not locked.
  assert.ok(newcomer.tryLock());
  assert.not.ok(waiter.tryLock(), 'two hold the lock');
  newcomer.close();
  assert.ok(waiter.tryLock());
  assert.not.ok(newcomer.tryLock());
  waiter.remove();
});

test('a file that is removed between its opening and its locking does not count either', () => {
  const [first, waiter, newcomer] = newLocks(3) as [LockFile, LockFile, LockFile];
  assert.ok(first.tryLock());
  // Does what another process may do at this moment. No test would hit it by chance.
  const { exec } = Database.prototype;
  Database.prototype.exec = function (...args) {
    Database.prototype.exec = exec;
    first.remove();
    assert.ok(newcomer.tryLock());
    return exec.apply(this, args);
  };
  try {
    assert.not.ok(waiter.tryLock(), 'two hold the lock');
  } finally {
    Database.prototype.exec = exec;
  }
  waiter.close();
  newcomer.remove();
});

posix('a lock on a file that another process removes just before is none', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'lock');
  const lock = new LockFile(path, new DatabaseFile(join(directory, 'db'), { readOnly: false }));
  const { exec } = Database.prototype;
  Database.prototype.exec = function (...args) {
    Database.prototype.exec = exec;
    unlinkSync(path);
    return exec.apply(this, args);
  };
  assert.ok(lock.tryLock());
  assert.ok(existsSync(path), 'another process could lock a new file');
  lock.remove();
});

posix('no other has the lock before the files that say so are gone', async () => {
  using store = openTokenStore(join(temporaryDirectory(), 'tokens.db'));
  const other = new LockFile(lockPathsOf(store.path, 'app').lock, new DatabaseFile(store.path, { readOnly: false }));
  const fs = process.getBuiltinModule('node:fs');
  const { unlinkSync } = fs;
  const early: unknown[] = [];
  const unlink: typeof unlinkSync = (path) => {
    fs.unlinkSync = unlinkSync;
    if (other.tryLock()) early.push(path);
    fs.unlinkSync = unlink;
    unlinkSync(path);
  };
  await store.exclusively('app', async () => {
    fs.unlinkSync = unlink;
  });
  fs.unlinkSync = unlinkSync;
  assert.equal(early, []);
  other.remove();
});

test('a database may have as long a name as its locks leave', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows limits the whole path');
  using store = openTokenStore(join(temporaryDirectory(), 'x'.repeat(210)));
  assert.is(await store.exclusively('app', async () => 'ran'), 'ran');
});

test('a lock that is tried again and again keeps no more than one file open', () => {
  const directory = temporaryDirectory();
  const database = new DatabaseFile(join(directory, 'db'), { readOnly: false });
  const [first, waiter] = [0, 1].map(() => new LockFile(join(directory, 'lock'), database)) as [LockFile, LockFile];
  assert.ok(first.tryLock());
  const open = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);
  waiter.tryLock();
  const before = open();
  for (let attempt = 0; attempt < 50; attempt++) assert.not.ok(waiter.tryLock());
  assert.is(open(), before);
  for (let round = 0; round < 20; round++) {
    first.remove();
    assert.ok(first.tryLock());
    assert.not.ok(waiter.tryLock());
  }
  assert.is(open(), before);
  waiter.close();
  first.remove();
  assert.equal(readdirSync(directory), ['db']);
});

test('what a process has left that was killed while it made a lock goes with the next lock', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  const program = `import fs from 'node:fs';
    import { openTokenStore } from ${JSON.stringify(import.meta.resolve('../src/index.ts'))};
    fs.linkSync = () => process.kill(process.pid, 'SIGKILL');
    await openTokenStore(${JSON.stringify(path)}).exclusively('app', async () => {});`;
  spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  const directory = join(path, '..');
  assert.is(readdirSync(directory).length, 2, 'it was killed too early or too late');
  writeFileSync(join(directory, 'token-store-sqlite-notes.txt'), '');
  using store = openTokenStore(path);
  await store.exclusively('other app', async () => {});
  assert.equal(readdirSync(directory), ['token-store-sqlite-notes.txt', 'tokens.db']);
  // One that is not killed makes its lock although another one has taken its draft away.
  const fs = process.getBuiltinModule('node:fs');
  const { linkSync, openSync } = fs;
  fs.linkSync = (...args) => {
    fs.linkSync = linkSync;
    removeDrafts(store.path);
    return linkSync(...args);
  };
  const opened: unknown[] = [];
  fs.openSync = (file, ...args) => {
    opened.push(file);
    return openSync(file, ...args);
  };
  assert.is(await store.exclusively('app', async () => 'ran'), 'ran');
  fs.openSync = openSync;
  // By SQLite alone: to close it would drop the locks of other threads.
  assert.not.ok(opened.includes(lockPathsOf(store.path, 'app').lock));
});

test('a directory in place of the lock file is STORE_OPEN', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'lock'));
  const database = new DatabaseFile(join(directory, 'db'), { readOnly: false });
  const lock = new LockFile(join(directory, 'lock'), database);
  assert.throws(
    () => lock.tryLock(),
    (error: TokenStoreError) => error.code === 'STORE_OPEN' && error.message.startsWith(join(directory, 'lock')),
  );
});

test.run();
