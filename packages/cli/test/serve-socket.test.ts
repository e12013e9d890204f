import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CliHome, type Ended, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { socketPath } from '../src/commands/serve/listen.ts';
import { makeFolder } from './fixtures/make-folder.ts';
import { askService, askUntilSignedIn, endService, startService } from './fixtures/token-service.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no Unix sockets with file modes');
  process.exit(0);
}
const { home, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

function serveAt(socket: string): Promise<Ended> {
  return home.call(['serve', '--socket', socket]);
}

async function assertRefused(socket: string, says: RegExp, expected = 1): Promise<void> {
  const { status, stdout, stderr } = await serveAt(socket);
  assert.is(status, expected, stderr);
  assert.is(stdout, '');
  assert.match(stderr, says);
  assert.is(stderr.trim().split('\n').length, 1);
}

test('without --socket it listens in XDG_RUNTIME_DIR, and the status is 2 if there is none', async () => {
  const env = { XDG_RUNTIME_DIR: makeFolder(home, 'runtime') };
  const running = home.start(['serve'], { env });
  const [, path = ''] = await running.says(/ onedrive-token at (.*)$/m);
  assert.is(path, join(env.XDG_RUNTIME_DIR, 'onedrive-token.sock'));
  assert.is((await askService(path, '/token')).status, 200);
  running.child.kill('SIGTERM');
  assert.is((await running.ended).status, 0);
  for (const folder of ['', 'relative']) {
    const { status, stderr } = await home.call(['serve'], { env: { XDG_RUNTIME_DIR: folder } });
    assert.is(status, 2);
    assert.match(stderr, '--socket');
  }
});

for (const mode of [0o750, 0o701]) {
  test(`a folder of mode ${mode.toString(8)} is refused, without advice that would be wrong for /tmp`, async () => {
    const folder = makeFolder(home, `mode-${mode}`, mode);
    await assertRefused(
      join(folder, 's'),
      new RegExp(`can enter ${folder} \\(mode 0${mode.toString(8)}\\)(?!.*chmod).*--socket`),
    );
    assert.not.ok(existsSync(join(folder, 's')));
    assert.is(statSync(folder).mode & 0o7777, mode, 'it is left as it was');
  });
}

test('a folder of another user is refused, and one below it, which that user could replace', async () => {
  if (process.getuid?.() !== 0) return console.log('skipped: giving a folder to another user needs root');
  const folder = makeFolder(home, 'foreign');
  makeFolder(home, 'foreign/own');
  chownSync(folder, 12345, 12345);
  for (const socket of [join(folder, 's'), join(folder, 'own', 's')]) {
    await assertRefused(socket, /foreign .*12345/);
  }
});

test('a folder in one that others can write is refused, unless that is sticky as /tmp is', async () => {
  const parent = makeFolder(home, 'shared', 0o777);
  await assertRefused(join(parent, 'own', 's'), /shared .*\b0777/);
  chmodSync(parent, 0o1777);
  await endService(await startService(home, { name: 'shared/own/s' }));
});

test('a folder that is a file, or that cannot be made, is refused', async () => {
  writeFileSync(join(home.folder, 'file'), '');
  await assertRefused(join(home.folder, 'file', 's'), /cannot use \S+\/file: .*--socket/);
  await assertRefused('/proc/nowhere/s', /cannot use \/proc\/nowhere: no such/);
  // Only its owner can enter it, and no file can be made in it.
  if (process.platform === 'linux') await assertRefused('/proc/self/fd/s', /cannot listen on \/proc\/self\/fd\/s: /);
});

test('a path that is too long for a socket is wrong usage', async () => {
  await assertRefused(join(home.folder, 'x'.repeat(108)), /--socket: .*103/, 2);
  assert.is(socketPath(`/${'x'.repeat(102)}`).length, 103);
  assert.throws(() => socketPath(`/${'x'.repeat(103)}`), /103/);
  // It is made under a name of 7 characters.
  assert.throws(() => socketPath(`/${'x'.repeat(96)}/s`), /103/);
});

test('a wrong key is said at once, before a client can connect', async () => {
  const socket = join(makeFolder(home, 'keyed'), 's');
  const { status, stderr } = await home.call(['serve', '--socket', socket], { env: { ONEDRIVE_TOKEN_KEY: 'wrong' } });
  assert.is(status, 7);
  assert.not.match(stderr, 'Serving');
});

test('another kind of file is not replaced', async () => {
  const file = join(makeFolder(home, 'kept'), 'notes.txt');
  writeFileSync(file, 'notes');
  await assertRefused(file, /notes\.txt .*--socket/);
  assert.is(readFileSync(file, 'utf8'), 'notes');
});

test('a socket on which another process serves is an error, and that process goes on; one that it has left is replaced', async () => {
  const first = await startService(home, { name: 'live/s' });
  await assertRefused(first.socket, /live\/s.*--socket/);
  assert.is((await first.ask('/token')).status, 200);
  first.running.child.kill('SIGKILL');
  await first.running.ended;
  assert.ok(existsSync(first.socket));
  const next = await startService(home, { name: 'live/s' });
  assert.is((await next.ask('/token')).status, 200);
  assert.is(statSync(next.socket).mode & 0o777, 0o600);
  await endService(next);
});

test('of two that start at the same moment on a socket that was left, the end of the first does not remove that of the second', async () => {
  const first = await startService(home, { name: 'twice/s' });
  // Both had seen the old one, and each has replaced what it found.
  rmSync(first.socket);
  const second = await startService(home, { name: 'twice/s' });
  first.running.child.kill('SIGTERM');
  assert.is((await first.running.ended).status, 0);
  assert.is((await second.ask('/token')).status, 200);
  await endService(second);
  assert.equal(readdirSync(join(home.folder, 'twice')), []);
});

test('a socket whose server has as many waiting clients as it can have is in use', async () => {
  if (process.platform !== 'linux') return console.log('skipped: other systems let more clients wait');
  const socket = join(makeFolder(home, 'busy'), 's');
  const code = `require('net').createServer().listen({ path: ${JSON.stringify(socket)}, backlog: 1 }, () => console.error('listens'))`;
  const server = home.startProgram(process.execPath, ['-e', code]);
  await server.says(/listens/);
  server.child.kill('SIGSTOP');
  const clients = Array.from({ length: 9 }, () => connect(socket).on('error', () => {}));
  await assertRefused(socket, /another process already serves at /);
  for (const client of clients) client.destroy();
  server.child.kill('SIGKILL');
  await server.ended;
});

test('before the first sign-in, without a database, it makes none and answers 401; after the sign-in it has a token', async () => {
  using fresh = new CliHome(home.env);
  const { ask, running } = await startService(fresh, { env: { ONEDRIVE_TOKEN_CLIENT_ID: scene.authority.clientId } });
  await running.says(/401 .*run: onedrive-token login/m);
  assert.is((await ask('/token')).status, 401);
  assert.equal((await ask('/status')).body, { signedIn: false, appName: 'onedrive-token', scopes: [] });
  assert.not.ok(existsSync(fresh.db));
  await fresh.login(['--client-id', scene.authority.clientId]);
  const { stdout } = await fresh.call([]);
  assert.is(`${(await askUntilSignedIn(ask)).token}\n`, stdout);
});

test.run();
