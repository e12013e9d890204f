// Takes about 6 s.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { bin, CliHome, commandNode, type Ended, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { askService, startService, type TokenService } from './fixtures/token-service.ts';
import { until } from './fixtures/until.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no Unix sockets with file modes');
  process.exit(0);
}
const { home, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

/** A new folder of the home. */
function makeFolder(name: string, mode = 0o700): string {
  const folder = join(home.folder, name);
  mkdirSync(folder);
  chmodSync(folder, mode);
  return folder;
}

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

async function end({ running, socket }: TokenService): Promise<void> {
  running.child.kill('SIGTERM');
  assert.is((await running.ended).status, 0);
  assert.not.ok(existsSync(socket));
}

test('without --socket it listens in XDG_RUNTIME_DIR, and the status is 2 if there is none', async () => {
  const env = { XDG_RUNTIME_DIR: makeFolder('runtime') };
  const running = home.start(['serve'], { env });
  const [, path = ''] = await running.says(/^Serving tokens of onedrive-token at (.*)$/m);
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

for (const mode of [0o755, 0o750, 0o701, 0o1777]) {
  test(`a folder of mode ${mode.toString(8)} is refused, and the message says what to run`, async () => {
    const folder = makeFolder(`mode-${mode}`, mode);
    await assertRefused(join(folder, 's'), new RegExp(`other users can enter ${folder} .*chmod 700 ${folder}`));
    assert.not.ok(existsSync(join(folder, 's')));
    assert.is(statSync(folder).mode & 0o7777, mode, 'it is left as it was');
  });
}

test('a folder of another user is refused', async () => {
  if (process.getuid?.() !== 0) return console.log('skipped: giving a folder to another user needs root');
  const folder = makeFolder('foreign');
  chownSync(folder, 12345, 12345);
  await assertRefused(join(folder, 's'), /belongs to another user \(user id 12345\)/);
});

test('a folder that is a file, or that cannot be made, is refused', async () => {
  writeFileSync(join(home.folder, 'file'), '');
  await assertRefused(join(home.folder, 'file', 's'), /cannot use .*file/);
  await assertRefused('/proc/nowhere/s', /cannot use \/proc\/nowhere/);
});

test('a path that is too long for a socket is wrong usage', async () => {
  await assertRefused(join(home.folder, 'x'.repeat(108)), /--socket: a socket's path has at most \d+ bytes/, 2);
});

test('another kind of file is not replaced', async () => {
  const file = join(makeFolder('kept'), 'notes.txt');
  writeFileSync(file, 'notes');
  await assertRefused(file, /is not a socket, and was left as it is/);
  assert.is(readFileSync(file, 'utf8'), 'notes');
});

test('a socket on which another process serves is an error, and that process goes on', async () => {
  const first = await startService(home, { name: 'live/s' });
  await assertRefused(first.socket, /another process already serves at/);
  assert.is((await first.ask('/token')).status, 200);
  await end(first);
});

test('a socket that a killed process has left is replaced', async () => {
  const killed = await startService(home, { name: 'stale/s' });
  killed.running.child.kill('SIGKILL');
  await killed.running.ended;
  assert.ok(existsSync(killed.socket));
  const next = await startService(home, { name: 'stale/s' });
  assert.is((await next.ask('/token')).status, 200);
  assert.is(statSync(next.socket).mode & 0o777, 0o600);
  await end(next);
});

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
  await end(next);
});

test('two processes with two sockets serve the tokens of two app names', async () => {
  const other = home.start(['serve', '--app', 'other', '--client-id', 'x', '--socket', join(makeFolder('two'), 's')]);
  await other.says(/^Serving tokens of other at/m);
  await other.says(/^Not signed in: clients get 401 until you run: onedrive-token login --app other/m);
  other.child.kill('SIGTERM');
  assert.is((await other.ended).status, 0);
});

test('before the first sign-in, without a database, it makes none and answers 401; after the sign-in it has a token', async () => {
  using fresh = new CliHome(home.env);
  const { ask } = await startService(fresh, { env: { ONEDRIVE_TOKEN_CLIENT_ID: scene.authority.clientId } });
  assert.is((await ask('/token')).status, 401);
  assert.equal((await ask('/status')).body, { signedIn: false, appName: 'onedrive-token', scopes: [] });
  assert.not.ok(existsSync(fresh.db));
  await fresh.login(['--client-id', scene.authority.clientId]);
  const { stdout } = await fresh.call([]);
  for (const end = performance.now() + 15_000; ; ) {
    const { status, body } = await ask('/token');
    if (status === 200) {
      assert.is(`${body.token}\n`, stdout);
      break;
    }
    assert.ok(performance.now() < end, `still ${status}`);
  }
});

test('without a client id it does not start: the status is 2', async () => {
  using fresh = new CliHome(home.env);
  const { status, stderr } = await fresh.call(['serve', '--socket', join(makeFolder('none'), 's')]);
  assert.is(status, 2);
  assert.match(stderr, 'client id');
});

/** Starts a program as systemd does: with a listening socket as descriptor 3, and variables that name the process. */
const activator = `
import os, socket, sys
kind, address, mode, pid, count, *command = sys.argv[1:]
if kind == 'tcp':
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
else:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address.replace('@', '\\0'))
if kind == 'path':
    os.chmod(address, int(mode, 8))
listener.listen(128)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ['LISTEN_FDS'] = count
os.environ['LISTEN_PID'] = pid or str(os.getpid())
os.execv(command[0], command)
`;

interface Activation {
  kind: 'path' | 'abstract' | 'tcp';
  address: string;
  mode?: string;
  pid?: string;
  count?: string;
}

function activate({ kind, address, mode = '600', pid = '', count = '1' }: Activation): ReturnType<typeof home.start> {
  const env = { XDG_RUNTIME_DIR: join(home.folder, 'runtime') };
  const args = ['-c', activator, kind, address, mode, pid, count, commandNode, bin, 'serve'];
  return home.startProgram('python3', args, { env });
}

const hasPython = (await home.shell('python3 --version')).status === 0;
if (!hasPython) console.log('skipped: activation as by systemd needs python3');
const activation = hasPython && process.platform === 'linux' ? test : test.skip;

activation('the socket that systemd passes is used, and stays when the server ends', async () => {
  const address = join(makeFolder('systemd'), 's');
  const running = activate({ kind: 'path', address });
  await running.says(new RegExp(`^Serving tokens of onedrive-token at ${address}$`, 'm'));
  assert.is((await askService(address, '/token')).status, 200);
  running.child.kill('SIGTERM');
  assert.is((await running.ended).status, 0);
  assert.ok(existsSync(address), 'it is the socket of systemd');
});

activation('variables for another process do not count', async () => {
  const running = activate({ kind: 'path', address: join(makeFolder('inherited'), 's'), pid: '1' });
  await running.says(/^Serving tokens of onedrive-token at .*\/runtime\/onedrive-token\.sock$/m);
  running.child.kill('SIGTERM');
  assert.is((await running.ended).status, 0);
});

for (const [what, how, says] of [
  ['a socket of mode 666', { kind: 'path', mode: '666' }, /other users can connect to .*SocketMode=0600/],
  ['a socket in a folder of mode 755', { kind: 'path', folderMode: 0o755 }, /other users can enter/],
  ['an abstract socket', { kind: 'abstract', address: '@onedrive-token-test' }, /has no path/],
  ['a network socket', { kind: 'tcp' }, /network socket/],
  ['two sockets', { kind: 'path', count: '2' }, /expected one socket from systemd, got '2'/],
] as const) {
  activation(`${what} from systemd is refused with status 1`, async () => {
    const options: Partial<Activation> & { folderMode?: number } = how;
    const { folderMode = 0o700, address = join(makeFolder(what, folderMode), 's') } = options;
    const { status, stdout, stderr } = await activate({ kind: 'path', ...options, address }).ended;
    assert.is(status, 1, stderr);
    assert.is(stdout, '');
    assert.match(stderr, says);
  });
}

test.run();
