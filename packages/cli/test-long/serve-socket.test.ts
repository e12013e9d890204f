// Takes about 6 s.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder } from '../test/fixtures/make-folder.ts';
import { activate, assertSocketRefused, findActivation } from '../test/fixtures/systemd-activation.ts';
import { askService, endService, startService } from '../test/fixtures/token-service.ts';
import { until } from '../test/fixtures/until.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no Unix sockets with file modes');
  process.exit(0);
}
const { home, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

test('of several processes that replace a stale socket at the same time, one serves, and the others end with 1', async () => {
  const killed = await startService(home, { name: 'race/s' });
  killed.running.child.kill('SIGKILL');
  await killed.running.ended;
  const all = Array.from({ length: 4 }, () => home.start(['serve', '--socket', killed.socket]));
  // One that another one has replaced may have said that it serves.
  const left = new Set(all);
  for (const running of all) void running.ended.then(() => left.delete(running));
  await until(() => left.size === 1);
  const [server] = left;
  for (const running of all) {
    if (running === server) continue;
    const { status, stderr } = await running.ended;
    assert.is(status, 1);
    assert.match(stderr, /another process (already serves|has made its own)/);
  }
  assert.is((await askService(killed.socket, '/token')).status, 200);
  server?.child.kill('SIGTERM');
  assert.is((await server?.ended)?.status, 0);
  assert.not.ok(existsSync(killed.socket));
});

test('a server whose socket is removed or replaced ends with 1, and leaves the new one', async () => {
  const removed = await startService(home, { name: 'removed/s' });
  rmSync(removed.socket);
  const next = await startService(home, { name: 'removed/s' });
  const { status, stderr } = await removed.running.ended;
  assert.is(status, 1);
  assert.match(stderr, /the socket .*removed\/s was removed, or another process has made its own there/);
  assert.is((await next.ask('/token')).status, 200);
  assert.equal(readdirSync(dirname(next.socket)), ['s']);
  await endService(next);
});

const activation = await findActivation(home);

activation('variables for another process do not count', async () => {
  makeFolder(home, 'runtime');
  const running = activate(home, { kind: 'path', address: join(makeFolder(home, 'inherited'), 's'), pid: '1' });
  await running.says(/^Serving tokens of onedrive-token at .*\/runtime\/onedrive-token\.sock$/m);
  running.child.kill('SIGTERM');
  assert.is((await running.ended).status, 0);
});

for (const [what, how, says] of [
  ['a socket in a folder of mode 755', { folderMode: 0o755 }, /other users can enter/],
  ['an abstract socket', { kind: 'abstract', address: '@onedrive-token-test' }, /has no path/],
  ['a network socket', { kind: 'tcp' }, /network socket/],
  ['two sockets', { count: '2' }, /expected one socket from systemd, got '2'/],
] as const) {
  activation(`${what} from systemd is refused with status 1`, () => assertSocketRefused(home, what, how, says));
}

test.run();
