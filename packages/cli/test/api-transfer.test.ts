import { chownSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openOddGraph } from '../../onedrive-graph/test/odd-graph.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

const inHome = (name: string): string => `${home.folder}/${name}`;

writeFileSync(inHome('small.txt'), 'hello');
mkdirSync(inHome('folder'));

test('a file is uploaded, and downloaded as it was', async () => {
  const up = await home.call(['api', '/me/drive/root:/small.txt', '--upload', inHome('small.txt')]);
  assert.is(up.status, 0);
  assert.is(up.stderr, '');
  assert.is(JSON.parse(up.stdout).size, 5);
  const copy = inHome('copy of small.txt');
  const down = await home.call(['api', '/me/drive/root:/small.txt:/content', '-o', copy]);
  assert.is(down.status, 0);
  assert.is(down.stdout, '');
  assert.match(down.stderr, copy);
  assert.is(readFileSync(copy, 'utf8'), 'hello');
});

for (const [what, file, expected] of [
  ['is missing', 'no-such-file', 1],
  ['is a folder', 'folder', 2],
] as const) {
  test(`an upload of a file that ${what} says so`, async () => {
    const { status, stdout, stderr } = await home.call(['api', '/me/drive/root:/x', '--upload', inHome(file)]);
    assert.is(status, expected);
    assert.is(stdout, '');
    assert.match(stderr, inHome(file));
  });
}

test('-o - is stdout', async () => {
  const { status, stdout } = await home.call(['api', '/me/drive/root:/small.txt:/content', '-o', '-']);
  assert.is(status, 0);
  assert.is(stdout, 'hello');
});

test('a download into a missing folder says so', async () => {
  const { status, stderr } = await home.call(['api', '/me', '-o', inHome('no/such/folder')]);
  assert.is(status, 1);
  assert.match(stderr, 'no/such/folder');
});

for (const option of [[], ['-i'], ['--paginate']]) {
  test(`a response that breaks off is worth retrying: 6, with ${option.join('') || 'no option'}`, async () => {
    await using graph = await openOddGraph((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 50 });
      response.write('{"value":[', () => setImmediate(() => response.destroy()));
    });
    const { status, stderr } = await home.call(['api', '/me', ...option, '--graph', graph.origin]);
    assert.is(status, 6);
    assert.match(stderr, /^onedrive-token: .* 127\.0\.0\.1:\d+ .*\n$/);
  });
}

test('a file whose name looks encoded is uploaded and downloaded under that very name', async () => {
  const name = 'a%20b.txt';
  writeFileSync(inHome(name), 'hello');
  const { status, stdout } = await home.call(['api', `/me/drive/root:/${name}:/content`, '--upload', name]);
  assert.is(status, 0);
  assert.is(JSON.parse(stdout).name, name);
  await home.call(['api', `/me/drive/root:/${name}:/content`, '-o', 'copy.txt']);
  assert.is(readFileSync(inHome('copy.txt'), 'utf8'), 'hello');
});

test('a file that changes during its upload is a failure, and nothing is stored', async () => {
  // A whole piece and a bit of a second one.
  writeFileSync(inHome('unsteady.img'), Buffer.alloc(10 * 1024 * 1024 + 7));
  const { promise, resolve } = Promise.withResolvers<void>();
  authority.fail('content', { type: 'held', until: promise });
  const sent = authority.requests.length;
  const uploading = home.call(['api', '/me/drive/root:/unsteady.img', '--upload', 'unsteady.img']);
  await until(() => authority.requests.slice(sent).some(({ endpoint }) => endpoint === 'content'));
  writeFileSync(inHome('unsteady.img'), 'short');
  resolve();
  const { status, stdout, stderr } = await uploading;
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, 'unsteady.img');
  assert.not.match(stderr, 'continue');
});

for (const args of [['/me'], ['/me', '--json'], ['/me', '-i'], ['/me', '--paginate'], ['/me', '-o', 'good.txt']]) {
  test(`a page of a captive portal is a failure of api ${args.join(' ')}`, async () => {
    await using graph = await openOddGraph((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<html>sign in to the Wi-Fi</html>');
    });
    writeFileSync(inHome('good.txt'), 'good');
    const { status, stdout, stderr } = await home.call(['api', ...args, '--graph', graph.origin]);
    assert.is(status, 1);
    assert.is(stdout, '');
    assert.match(stderr, 'text/html');
    assert.is(readFileSync(inHome('good.txt'), 'utf8'), 'good');
  });
}

test('an error that comes as a page is an error by its status', async () => {
  await using graph = await openOddGraph(({ path }, response) => {
    response.writeHead(Number(path.slice(1)), { 'content-type': 'text/html' }).end('<html>no</html>');
  });
  for (const option of [[], ['--json']]) {
    const { status, stderr } = await home.call(['api', '/404', ...option, '--graph', graph.origin]);
    assert.is(status, 1);
    assert.match(stderr, 'HTTP 404');
  }
});

test('--paginate prints an empty array if there are no items', async () => {
  await using graph = await openOddGraph((_request, response) => {
    response.setHeader('content-type', 'application/json').end('{"value":[]}');
  });
  assert.is((await home.call(['api', '/me', '--paginate', '--graph', graph.origin])).stdout, '[]\n');
});

test('headers and a body are sent as they are given', async () => {
  await using graph = await openOddGraph((_request, response) => response.end());
  writeFileSync(inHome('body.json'), '{"from": "a file"}');
  const stdin = '{"from": "stdin"}';
  for (const [data, expected] of [
    ['{"from": "argv"}', '{"from": "argv"}'],
    ['@body.json', '{"from": "a file"}'],
    ['-', stdin],
    ['@-', stdin],
  ] as const) {
    const args = ['-d', data, '-H', 'X-One: 1', '-H', 'X-Two: 2', '--graph', graph.origin];
    assert.is((await home.call(['api', '/me', ...args], { stdin })).status, 0);
    const { body, headers } = graph.requests.at(-1) ?? {};
    assert.equal([body, headers?.['x-one'], headers?.['x-two']], [expected, '1', '2']);
    assert.equal([headers?.accept, headers?.['content-type']], ['*/*', 'application/json']);
  }
  const { status, stderr } = await home.call(['api', '/me', '-d', '@nowhere.json', '--graph', graph.origin]);
  assert.is(status, 1);
  assert.match(stderr, 'cannot read nowhere.json: no such file or directory');
});

test('--json asks for JSON: the content of a text file is none', async () => {
  const { status, stdout, stderr } = await home.call(['api', '/me/drive/root:/small.txt:/content', '--json']);
  assert.equal([status, stdout], [1, '']);
  assert.match(stderr, /--json.*--output/);
  assert.not.match(stderr, 'captive');
});

test('with --json, an answer without a body is none of a captive portal', async () => {
  await using graph = await openOddGraph((_request, response) => response.writeHead(202, { 'x-name': '1' }).end());
  const args = ['api', '/me/sendMail', '-d', '{}', '--json', '--graph', graph.origin];
  assert.equal(await home.call(args), { status: 0, signal: null, stdout: '', stderr: '' });
  assert.match((await home.call([...args, '-i'])).stdout, /^HTTP\/1.1 202 Accepted\n(.+\n)*x-name: 1\n(.+\n)*\n$/);
});

test('what a killed upload of stdin has left is removed by the next', async () => {
  const temporary = inHome('temporary');
  mkdirSync(temporary);
  const env = { TMPDIR: temporary, TEMP: temporary };
  const args = ['api', '/me/drive/root:/piped.txt', '--upload', '-'];
  const { child, ended } = home.start(args, { env, stdin: 'open' });
  child.stdin?.write('secret');
  const spools = () => readdirSync(temporary, { recursive: true }).filter((name) => String(name).endsWith('stdin'));
  await until(() => spools().length === 1);
  assert.is((await home.call(args, { env, stdin: 'hello' })).status, 0);
  assert.is(spools().length, 1, 'that of a process that goes on is left alone');
  child.kill('SIGKILL');
  await ended;
  const [left = '', ...others] = readdirSync(temporary);
  assert.equal(others, []);
  // Of the computer HOST-PID, which shares the temporary folder with the computer HOST.
  const elsewhere = left.replace(`-${child.pid}-`, `-${child.pid}-1-`);
  mkdirSync(join(temporary, elsewhere));
  const foreign = `${left.slice(0, -6)}theirs`;
  if (process.getuid?.() === 0) {
    mkdirSync(join(temporary, foreign));
    chownSync(join(temporary, foreign), 12345, 12345);
  }
  // In a container that has started again, the killed process had the number of this one.
  const restarted = left.replace(`-${child.pid}-`, () => '-$$-');
  const script = `mkdir "$TMPDIR/${restarted}"; exec onedrive-token ${args.join(' ')}`;
  const options = { env, stdin: 'hello' };
  const { status } = await (process.platform === 'win32' ? home.run(args, options) : home.shell(script, options));
  assert.is(status, 0);
  assert.equal(readdirSync(temporary).sort(), [elsewhere, ...(process.getuid?.() === 0 ? [foreign] : [])].sort());
});

test('Ctrl-C while stdin is copied ends with 130, and leaves nothing', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  const TMPDIR = inHome('interrupted');
  mkdirSync(TMPDIR);
  const { child, ended } = home.start(['api', '/me/drive/root:/x', '--upload', '-'], {
    env: { TMPDIR },
    stdin: 'open',
  });
  await until(() => readdirSync(TMPDIR, { recursive: true }).some((name) => String(name).endsWith('stdin')));
  child.kill('SIGINT');
  const { status, stderr } = await ended;
  assert.equal([status, stderr], [130, 'Interrupted.\n']);
  assert.equal(readdirSync(TMPDIR), []);
});

test('stdin that does not fit on the disk is a failure that names the copy', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no limits of this kind');
  const script = `ulimit -f 9; head -c 99999 /dev/zero | onedrive-token api /me/drive/root:/x --upload -`;
  const { status, stderr } = await home.shell(script);
  assert.is(status, 1);
  assert.match(stderr, /^onedrive-token: cannot write \S+\/stdin: file too large\n$/);
});

test('a folder for the copy of stdin that is missing is named', async () => {
  const TMPDIR = inHome('no-such-folder');
  const upload = ['api', '/me/drive/root:/x', '--upload', '-'];
  const { status, stderr } = await home.start(upload, { env: { TMPDIR, TEMP: TMPDIR }, stdin: 'x' }).ended;
  assert.is(status, 1);
  assert.match(stderr, `onedrive-token: cannot use ${TMPDIR}: no such file or directory\n`);
});

for (const [what, stdin, expected, says] of [
  ['a folder', '</', 2, /stdin is a folder/],
  ['open for writing only', '5>out <&5', 1, /cannot read stdin/],
] as const) {
  test(`stdin that is ${what} is no empty file`, async () => {
    if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
    const sent = authority.requests.length;
    for (const option of ['--upload', '-d']) {
      const { status, stderr } = await home.shell(`onedrive-token api /me/drive/root:/x ${option} - ${stdin}`);
      assert.is(status, expected, stderr);
      assert.match(stderr, says);
    }
    assert.equal(authority.requests.slice(sent), []);
  });
}

test('a signal ends the command while the reader of its output is slow', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  const folder = inHome('slow reader');
  mkdirSync(folder);
  writeFileSync(join(folder, 'big.img'), Buffer.alloc(2 ** 20));
  await home.call(['api', '/me/drive/root:/big.img', '--upload', join(folder, 'big.img')]);
  await using odd = await openOddGraph((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ value: ['x'.repeat(2 ** 20)] }));
  });
  const paginate = ['--paginate', '/me', '--graph', odd.origin];
  for (const args of [['/me/drive/root:/big.img:/content'], paginate]) {
    const { child } = home.start(['api', ...args]);
    let received = 0;
    child.stdout?.on('data', (text: string) => {
      received += text.length;
      child.stdout?.pause();
    });
    await until(() => received > 0);
    // Until the pipe is full.
    await setTimeout(300);
    child.kill('SIGTERM');
    await until(() => child.exitCode !== null || child.signalCode !== null).finally(() => child.kill('SIGKILL'));
    assert.is(child.signalCode, 'SIGTERM');
    child.stdout?.resume();
  }
});

test('an unfinished upload is kept for the account, and a logout forgets it, by whatever path of the database', async () => {
  const own = ['--app', 'a'];
  await home.login([...own, '--client-id', authority.clientId]);
  const account = JSON.parse((await home.call(['status', '--json', ...own])).stdout).account.id;
  // The next refresh says whose sign-in it is.
  const database = new DatabaseSync(home.db);
  database.exec('UPDATE token SET id_token = NULL, expires_at = 1');
  database.close();
  authority.fail('content', { type: 'hang' });
  const sent = authority.requests.length;
  const { child, ended } = home.start(['api', '/me/drive/root:/small.txt', '--upload', 'small.txt', ...own]);
  await until(() => authority.requests.slice(sent).some(({ endpoint }) => endpoint === 'content'));
  child.kill('SIGINT');
  const { status, stderr } = await ended;
  const hint = 'Run the same command again to continue the upload.\nInterrupted.\n';
  if (process.platform !== 'win32') assert.equal([status, stderr], [130, hint]);
  const file = inHome('data/onedrive-token/uploads.json');
  const kept = readFileSync(file, 'utf8');
  assert.match(kept, account);
  symlinkSync(dirname(home.db), inHome('link'), 'junction');
  // Of the two sign-ins, the other one cannot be deleted.
  using damaged = new DatabaseSync(home.db);
  damaged.exec(
    `CREATE TRIGGER kept BEFORE DELETE ON token WHEN old.app_name <> 'a' BEGIN SELECT RAISE(ABORT, 'no'); END`,
  );
  assert.is((await home.call(['logout', '--all', '--db', inHome('link/tokens.db')])).status, 7);
  damaged.exec('DROP TRIGGER kept');
  assert.is((await home.call(['status', ...own])).status, 3);
  assert.is(readFileSync(file, 'utf8'), '{}\n');
  // As if that logout could not write it.
  writeFileSync(file, kept);
  assert.is((await home.call(['logout', ...own])).status, 0);
  assert.is(readFileSync(file, 'utf8'), '{}\n');
});

test.run();
