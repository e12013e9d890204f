import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSignedInScene } from 'testing-command';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
const small = join(home.folder, 'small');
mkdirSync(small);
const isMounted =
  process.getuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]).status === 0;
if (!isMounted) console.log('skipped: only root can mount a small tmpfs that gets full');
const test = isMounted ? always : always.skip;
always.after(async () => {
  if (isMounted) spawnSync('umount', ['-l', small]);
  await scene[Symbol.asyncDispose]();
});

const args = ['--db', join(small, 'tokens.db'), '--client-id', authority.clientId];

/** Fills the disk to its last block. */
function fill(): void {
  const filler = join(small, 'filler');
  assert.throws(() => writeFileSync(filler, Buffer.alloc(1_000_000)), /ENOSPC/);
}

test('a full disk is found before the person is asked to sign in, with a database and without one', async () => {
  fill();
  for (const isNew of [true, false]) {
    if (!isNew) {
      rmSync(join(small, 'filler'));
      await home.login(args);
      fill();
    }
    const before = authority.requests.length;
    const { status, stderr } = await home.call(['login', ...args]);
    assert.is(status, 7, stderr);
    assert.match(stderr, /tokens\.db\S* .*the disk is full.* Free some space/);
    assert.not.match(stderr, 'Open this address');
    assert.is(authority.requests.length, before, 'no browser has opened');
    assert.is(existsSync(join(small, 'tokens.db')), !isNew, 'no empty file is left');
  }
});

always.run();
