import { existsSync, linkSync, mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DatabaseFile } from '../src/database/database-file.ts';
import { openTokenStore, type TokenStoreError } from '../src/index.ts';
import { LockFile } from '../src/lock/lock-file.ts';

function newLocks(count: number): LockFile[] {
  const path = join(temporaryDirectory(), 'lock');
  const database = new DatabaseFile(`${path}.db`, { readOnly: false });
  return Array.from({ length: count }, () => new LockFile(path, database));
}

for (const [what, isMadeAgain] of [
  ['removes', false],
  ['removes and makes again', true],
] as const) {
  test(`a file that another process ${what} while it is opened is no error`, () => {
    const path = join(temporaryDirectory(), 'lock');
    writeFileSync(path, '', { mode: 0o600 });
    const database = new DatabaseFile(`${path}.db`, { readOnly: false });
    const { connect } = database;
    database.connect = (options) => {
      database.connect = connect;
      unlinkSync(path);
      try {
        return database.connect(options);
      } finally {
        if (isMadeAgain) writeFileSync(path, '', { mode: 0o600 });
      }
    };
    const lock = new LockFile(path, database);
    assert.ok(lock.tryLock());
    assert.is(database.connect, connect);
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

test('a lock works on a file system without hard links', () => {
  const [lock, other] = newLocks(2) as [LockFile, LockFile];
  const fs = process.getBuiltinModule('node:fs');
  const { linkSync } = fs;
  fs.linkSync = () => {
    throw Object.assign(new Error(), { code: 'EPERM' });
  };
  try {
    assert.ok(lock.tryLock());
    assert.not.ok(other.tryLock());
  } finally {
    fs.linkSync = linkSync;
  }
  lock.remove();
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

(process.platform === 'win32' ? test.skip : test)(
  'a lock on a file that another process removes just before is none',
  () => {
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
  },
);

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
