import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { startProgram } from './start-program.ts';
import { directoryForUsers, hasPlaceForUsers, isRoot, otherUser } from './temporary-directory.ts';

const small = directoryForUsers();
const size = `size=128k,mode=0700,uid=${otherUser}`;
const mounted =
  isRoot && hasPlaceForUsers && spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', small]).status === 0;
// Before the directory is removed, which happens at the exit as well.
if (mounted) process.prependOnceListener('exit', () => spawnSync('umount', ['-l', small]));
else console.log('skipped: only root can mount a small tmpfs that gets full, or read-only');

if (!hasPlaceForUsers) console.log('skipped: another user can enter none of the temporary directories');

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: strace makes system calls fail (apt-get install strace)');

interface Outcome {
  results?: unknown[];
  code?: string;
  reason?: string;
  message?: string;
}

async function attempt(path: string, calls: string[], before: string[] = []): Promise<Outcome> {
  return JSON.parse((await startProgram('attempt', [path, ...calls], before).ended).output) as Outcome;
}

function fill(directory: string): string {
  const file = join(directory, 'filler');
  const descriptor = openSync(file, 'w');
  for (const size of [4096, 1]) {
    try {
      for (;;) writeSync(descriptor, Buffer.alloc(size));
    } catch (error) {
      assert.is((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(descriptor);
  return file;
}

(mounted ? test : test.skip)(
  'a full disk is STORE_FULL, keeps the old record, and does not hinder the lock',
  async () => {
    const path = join(small, 'tokens.db');
    assert.equal((await attempt(path, ['set'])).results, [null]);
    const filler = fill(small);
    const before = readFileSync(path);
    const { code, message } = await attempt(path, ['set']);
    assert.is(code, 'STORE_FULL');
    assert.match(String(message), new RegExp(`^${path}: the disk is full.*Free some space`));
    assert.is((await attempt(join(small, 'new.db'), [])).code, 'STORE_FULL');
    assert.equal((await attempt(path, ['get', 'exclusively'])).results, [{ refreshToken: 'new' }, 'ran']);
    assert.ok(readFileSync(path).equals(before), 'the file was changed');
    rmSync(filler);
    assert.equal((await attempt(path, ['set', 'get'])).results, [null, { refreshToken: 'new' }]);
    assert.equal((await attempt(join(small, 'new.db'), ['set'])).results, [null]);
  },
);

(mounted ? test : test.skip)('a read-only file system is named as the cause, and can be read', async () => {
  const path = join(small, 'tokens.db');
  assert.equal((await attempt(path, ['set'])).results, [null]);
  chmodSync(path, 0o644);
  assert.is(spawnSync('mount', ['-o', 'remount,ro', small]).status, 0);
  try {
    assert.equal((await attempt(path, ['get'])).results, [{ refreshToken: 'new' }]);
    for (const [name, calls, code] of [
      ['tokens.db', ['set'], 'STORE_READONLY'],
      ['tokens.db', ['exclusively'], 'STORE_READONLY'],
      ['another.db', [], 'STORE_READONLY'],
      ['new/another.db', [], 'STORE_OPEN'],
    ] as const) {
      const outcome = await attempt(join(small, name), [...calls]);
      assert.is(outcome.code, code, JSON.stringify(outcome));
      assert.is(outcome.reason, 'read-only-file-system', JSON.stringify(outcome));
      assert.ok(outcome.message?.startsWith(join(small, name)), outcome.message);
      assert.match(String(outcome.message), /: the file system is read-only\. Choose a file on another one/);
    }
  } finally {
    spawnSync('mount', ['-o', 'remount,rw', small]);
  }
});

const faults = [
  ['pwrite64', 'ENOSPC', 'STORE_FULL', undefined, /Free some space/],
  ['pwrite64', 'EIO', 'STORE_OPEN', 'disk', /Check the disk, its quota/],
  ['pwrite64', 'EDQUOT', 'STORE_OPEN', 'disk', /Check the disk, its quota/],
  ['fsync', 'EIO', 'STORE_OPEN', 'disk', /Check the disk, its quota/],
  ['pread64', 'EIO', 'STORE_OPEN', 'disk', /Check the disk, its quota/],
] as const;
for (const [call, errno, code, reason, remedy] of faults) {
  (canTrace && hasPlaceForUsers ? test : test.skip)(
    `if ${call} fails with ${errno}, that is ${code}, and the old record stays`,
    async () => {
      const path = join(directoryForUsers(), 'tokens.db');
      const old = { refreshToken: 'old', accessToken: 'x'.repeat(10_000) };
      {
        using store = openTokenStore(path);
        store.set('app', old);
      }
      if (isRoot) spawnSync('chown', ['-R', `${otherUser}:${otherUser}`, join(path, '..')]);
      const names = [path, `${path}-journal`].flatMap((name) => ['-P', name]);
      const inject = `inject=${call}:error=${errno}:when=1+`;
      const tool = ['strace', '-f', '-o', '/dev/null', ...names, '-e', `trace=${call}`, '-e', inject];
      const outcome = await attempt(path, ['set'], tool);
      assert.is(outcome.code, code, JSON.stringify(outcome));
      assert.is(outcome.reason, reason, JSON.stringify(outcome));
      assert.match(String(outcome.message), remedy);
      assert.ok(outcome.message?.startsWith(`${path}: `));
      using store = openTokenStore(path);
      assert.equal(store.get('app'), old);
      assert.equal(readdirSync(join(path, '..')), ['tokens.db']);
    },
  );
}

test.run();
