import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { directoryForUsers, hasPlaceForUsers, isRoot, otherUser } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { attempt, attemptAll } from './attempt.ts';

/** A file system that is soon full. `testMounted` says whether it is there. */
export const small = directoryForUsers();
const size = `size=128k,mode=0700,uid=${otherUser}`;
const mounted =
  isRoot && hasPlaceForUsers && spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', small]).status === 0;
// Before the directory is removed, which happens at the exit as well.
if (mounted) process.prependOnceListener('exit', () => spawnSync('umount', ['-l', small]));
else console.log('skipped: only root can mount a small tmpfs that gets full, or read-only');
export const testMounted = mounted ? test : test.skip;

if (!hasPlaceForUsers) console.log('skipped: another user can enter none of the temporary directories');

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: strace makes system calls fail (apt-get install strace)');

type ReadOnlyCase = readonly [name: string, calls: readonly string[], code: string];

/** Makes `small` read-only for these calls. */
export async function assertReadOnly(cases: readonly ReadOnlyCase[]): Promise<void> {
  const path = join(small, 'tokens.db');
  assert.equal((await attempt(path, ['set'])).results, [null]);
  chmodSync(path, 0o644);
  assert.is(spawnSync('mount', ['-o', 'remount,ro', small]).status, 0);
  try {
    const [reading, ...outcomes] = await attemptAll([
      [path, 'get'],
      ...cases.map(([name, calls]) => [join(small, name), ...calls] as const),
    ]);
    assert.equal(reading?.results, [{ refreshToken: 'new' }]);
    for (const [index, [name, , code]] of cases.entries()) {
      const outcome = outcomes[index] ?? {};
      assert.is(outcome.code, code, JSON.stringify(outcome));
      assert.is(outcome.reason, 'read-only-file-system', JSON.stringify(outcome));
      assert.ok(outcome.message?.startsWith(join(small, name)), outcome.message);
      assert.match(
        String(outcome.message),
        /: the file system is read-only \(\w+\)\. Choose a file on another file system/,
      );
    }
  } finally {
    spawnSync('mount', ['-o', 'remount,rw', small]);
  }
}

type Fault = readonly [call: string, errno: string, code: string, reason: string | undefined, remedy: RegExp];

/** A test in which each such system call fails. */
export function testFault([call, errno, code, reason, remedy]: Fault): void {
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
