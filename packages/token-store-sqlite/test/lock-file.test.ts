import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LockFile } from '../src/lock/lock-file.ts';
import { temporaryDirectory } from './temporary-directory.ts';

function newLocks(count: number): LockFile[] {
  const path = join(temporaryDirectory(), 'lock');
  const database = { path: `${path}.db`, mode: 0o600, uid: statSync(join(path, '..')).uid, gid: 0 };
  return Array.from({ length: count }, () => new LockFile(path, database));
}

test('one of several has the lock, and the next gets it when it is released', () => {
  const [first, second] = newLocks(2) as [LockFile, LockFile];
  assert.ok(first.tryLock());
  assert.not.ok(second.tryLock());
  first.close();
  assert.ok(second.tryLock());
  assert.not.ok(first.tryLock());
  second.remove();
});

test('a lock on a file that was removed does not count, whoever has it open', () => {
  const [first, waiter, newcomer] = newLocks(3) as [LockFile, LockFile, LockFile];
  assert.ok(first.tryLock());
  assert.not.ok(waiter.tryLock());
  first.remove();
  // The waiter still has the old file open, which nobody has locked.
  assert.ok(newcomer.tryLock());
  assert.not.ok(waiter.tryLock(), 'two have the lock');
  newcomer.close();
  assert.ok(waiter.tryLock());
  assert.not.ok(newcomer.tryLock());
  waiter.remove();
});

test('a file that is removed between its opening and its locking does not count either', () => {
  const [first, waiter, newcomer] = newLocks(3) as [LockFile, LockFile, LockFile];
  assert.ok(first.tryLock());
  // What another process may do at this moment, which no test could hit by chance.
  const { exec } = Database.prototype;
  Database.prototype.exec = function (...args) {
    Database.prototype.exec = exec;
    first.remove();
    assert.ok(newcomer.tryLock());
    return exec.apply(this, args);
  };
  try {
    assert.not.ok(waiter.tryLock(), 'two have the lock');
  } finally {
    Database.prototype.exec = exec;
  }
  waiter.close();
  newcomer.remove();
});

test('a waiter whose file was removed makes another one', () => {
  const [first, waiter] = newLocks(2) as [LockFile, LockFile];
  assert.ok(first.tryLock());
  assert.not.ok(waiter.tryLock());
  first.remove();
  assert.ok(waiter.tryLock());
  assert.not.ok(first.tryLock());
  waiter.remove();
  first.close();
});

test('a lock that is tried again and again uses no more than one file', () => {
  const directory = temporaryDirectory();
  const database = { path: join(directory, 'db'), mode: 0o600, uid: statSync(directory).uid, gid: 0 };
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
  assert.equal(readdirSync(directory), []);
});

test('what cannot be a lock file is STORE_OPEN', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'lock'));
  const database = { path: join(directory, 'db'), mode: 0o600, uid: 0, gid: 0 };
  const lock = new LockFile(join(directory, 'lock'), database);
  assert.throws(
    () => lock.tryLock(),
    (error: { code: string }) => error.code === 'STORE_OPEN',
  );
});

test.run();
