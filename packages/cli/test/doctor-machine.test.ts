import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bin, commandNode, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertFailed, type Check, diagnose, readChecks } from './fixtures/diagnose.ts';
import { openKeyringScene } from './fixtures/keyring-scene.ts';

const { home, ...scene } = await openSignedInScene();
const keyrings = await openKeyringScene();
test.after(async () => {
  await keyrings[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
});

const isRoot = process.getuid?.() === 0 && spawnSync('unshare', ['--net', '--mount', 'true']).status === 0;
if (!isRoot) console.log('skipped: namespaces without a network and with other disks need root on Linux');
const namespaced = isRoot ? test : test.skip;

/** Runs `doctor` in namespaces of its own, after a shell script that changes what it finds there. */
async function diagnoseIn(script: string, args: readonly string[] = []): Promise<Map<string, Check>> {
  const command = [commandNode, bin, 'doctor', '--json', ...args];
  const start = ['--net', '--mount', 'sh', '-c', `${script}; exec "$@"`, 'sh', ...command];
  return readChecks(await home.startProgram('unshare', start).ended);
}

namespaced('a machine whose loopback interface is down', async () => {
  const checks = await diagnoseIn('true');
  assert.match(checks.get('loopback')?.detail ?? '', '127.0.0.1');
  assert.match(checks.get('loopback')?.remedy ?? '', 'ip link set lo up');
  assert.is(checks.get('authority')?.ok, false);
  assert.ok(checks.get('sign-in')?.ok, 'what needs no network is checked all the same');
});

namespaced('a disk that is full', async () => {
  const disk = join(home.folder, 'disk');
  mkdirSync(disk);
  const mount = `mount -t tmpfs -o size=600k,mode=700 none '${disk}' && cp -p '${home.db}'* '${disk}'`;
  const checks = await diagnoseIn(mount, ['--db', join(disk, 'tokens.db')]);
  assert.match(checks.get('file-system')?.detail ?? '', /disk.*\b\d+ bytes/);
  assert.ok(checks.get('sign-in')?.ok);
});

namespaced('a file system that is read-only', async () => {
  const folder = join(home.folder, 'data/onedrive-token');
  const checks = await diagnoseIn(`mount --bind '${folder}' '${folder}' && mount -o remount,bind,ro '${folder}'`);
  assert.match(checks.get('database-mode')?.detail ?? '', /tokens\.db .*EROFS/);
  assert.match(checks.get('database-mode')?.remedy ?? '', 'read-only');
  assert.ok(checks.get('sign-in')?.ok);
});

namespaced('a database of another user', async () => {
  chownSync(home.db, 12345, 12345);
  const checks = await diagnose(home);
  chownSync(home.db, 0, 0);
  assertFailed(checks, { 'database-mode': / 12345, .* 0 \| .*chown 0 / });
});

namespaced('a folder further up of another user; in a user namespace, it could be of root', async () => {
  const folder = join(home.folder, 'data');
  chownSync(folder, 12345, 12345);
  chmodSync(folder, 0o755);
  const outside = await diagnose(home);
  const start = ['--user', '--map-root-user', commandNode, bin, 'doctor', '--json'];
  const inside = readChecks(await home.startProgram('unshare', start).ended);
  chownSync(folder, 0, 0);
  chmodSync(folder, 0o700);
  assertFailed(outside, { 'database-mode': /data belongs to .* 12345\) \| Keep .*--db/ });
  assertFailed(inside, {});
});

const withKeyring = keyrings.session ? test : test.skip;

withKeyring('a key in the keyring: unlocked, locked, and gone', async () => {
  using signedIn = await keyrings.signIn(['--keyring']);
  assertFailed(await diagnose(signedIn.home), {});
  await keyrings.session?.lock('dismissed');
  assertFailed(await diagnose(signedIn.home), { 'sign-in': /keyring/ });
  await keyrings.session?.unlock();
  signedIn.entry.deletePassword();
  assertFailed(await diagnose(signedIn.home), { 'sign-in': /tokens\.db.* keyring/ });
  const env = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' };
  assertFailed(await diagnose(signedIn.home, { env }), { 'sign-in': /keyring/ });
});

test.run();
