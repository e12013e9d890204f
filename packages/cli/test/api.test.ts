import { until } from 'testing-authority/until';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printResponse } from '../src/commands/api/print-response.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

test('api prints what Graph answers, byte for byte, on stdout', async () => {
  const token = (await home.call([])).stdout.trim();
  const expected = await fetch(`${authority.graphUrl}/me/drive`, { headers: { authorization: `Bearer ${token}` } });
  for (const path of ['/me/drive', 'me/drive', `${authority.graphUrl}/me/drive`]) {
    const { status, stdout, stderr } = await home.call(['api', path]);
    assert.is(status, 0);
    assert.is(stderr, '');
    assert.is(stdout, await expected.clone().text());
  }
});

test('an address to which the token must not go is wrong usage, and nothing is sent', async () => {
  const before = authority.requests.length;
  for (const [args, says] of [
    [['https://graph.example/me'], new URL(authority.graphUrl).origin],
    [['/me', '--graph', 'https://ada:secret@graph.example'], '--graph'],
  ] as const) {
    const { status, stdout, stderr } = await home.call(['api', ...args]);
    assert.is(status, 2);
    assert.is(stdout, '');
    assert.match(stderr, says);
    assert.not.match(stderr, 'secret');
  }
  assert.is(authority.requests.length, before);
});

test('-i prints the status and the headers first', async () => {
  const { status, stdout } = await home.call(['api', '-i', '/me']);
  assert.is(status, 0);
  const [head = '', body = ''] = stdout.split('\n\n');
  assert.match(head, /^HTTP\/1\.1 200 OK\n/);
  assert.match(head, /^content-type: application\/json/m);
  assert.is(JSON.parse(body).mail, 'someone@example.com');
});

test('an error of Graph is one readable line, with its code and request-id: 1', async () => {
  const { status, stdout, stderr } = await home.call(['api', '/me/drive/root:/no/such/file']);
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, /^onedrive-token: \S.* \(HTTP 404, itemNotFound, request-id [0-9a-f-]{36}\)\n$/);
});

test('-i shows the response of an error as well', async () => {
  const { status, stdout } = await home.call(['api', '-i', '/nope']);
  assert.is(status, 1);
  assert.match(stdout, /^HTTP\/1\.1 400 Bad Request\n/);
  assert.is(JSON.parse(stdout.split('\n\n')[1] ?? '').error.code, 'BadRequest');
});

test('a second 401 ends with 3, after one refresh', async () => {
  authority.fail('graph', { type: 'status', status: 401 }, { times: 9 });
  const before = authority.count('token', 'refresh_token');
  const { status, stderr } = await home.call(['api', '/me']);
  assert.is(status, 3);
  assert.match(stderr, 'HTTP 401');
  assert.match(stderr, 'onedrive-token login');
  assert.is(authority.count('token', 'refresh_token'), before + 1);
});

for (const refused of [401, 403]) {
  test(`a ${refused} from the address of a content, which never gets the token, needs no sign-in`, async () => {
    const notes = ['api', '/me/drive/root:/notes.txt:/content'];
    await home.call([...notes, '-X', 'PUT', '-d', 'hello']);
    for (const option of [[], ['-i']]) {
      authority.fail('content', { type: 'status', status: refused });
      const { status, stderr } = await home.call([...notes, ...option]);
      assert.is(status, 1);
      assert.match(stderr, /run the same command again\n$/);
    }
  });
}

for (const [status, advice] of [
  [401, /un: onedrive-token login --db \S+tokens\.db\n$/],
  [403, /un: onedrive-token login --scope SCOPE --db \S+tokens\.db\n$/],
] as const) {
  test(`the advice after ${status} repeats the options that say which sign-in is meant`, async () => {
    authority.fail('graph', { type: 'status', status }, { times: 2 });
    const { stderr } = await home.call(['api', '/me', '--db', home.db]);
    authority.clearFaults();
    assert.match(stderr, advice);
  });
}

test('with --verbose, each wait that Graph asks for is a line', async () => {
  authority.fail('graph', { type: 'status', status: 429, retryAfter: '1' });
  const { status, stderr } = await home.call(['api', '/me', '--verbose']);
  assert.is(status, 0);
  assert.match(stderr, /HTTP 429.* 1 s\n/);
});

test('if Graph fails, the command soon ends with 6, worth trying again later', async () => {
  authority.fail('graph', { type: 'status', status: 500 }, { times: 9 });
  const started = performance.now();
  const { status, stdout, stderr } = await home.call(['api', '/me']);
  assert.equal([status, stdout], [6, '']);
  assert.match(stderr, /^onedrive-token: \S/);
  assert.ok(performance.now() - started < 8000);
});

test('a body makes the request a POST', async () => {
  const before = authority.requests.length;
  await home.call(['api', '/me/drive/root/children', '-d', '{}']);
  assert.is(authority.requests.slice(before)[0]?.method, 'POST');
});

test('a body of another type is sent as it is', async () => {
  const args = ['-X', 'PUT', '-H', 'Content-Type: text/plain', '-d', 'just {text'];
  const { status } = await home.call(['api', '/me/drive/root:/plain.txt:/content', ...args]);
  assert.is(status, 0);
  assert.is((await home.call(['api', '/me/drive/root:/plain.txt:/content'])).stdout, 'just {text');
});

test('the response to DELETE is empty, and nothing is printed', async () => {
  const ended = await home.call(['api', '-X', 'delete', '/me/drive/root:/plain.txt']);
  assert.equal(ended, { ...ended, status: 0, stdout: '', stderr: '' });
  assert.is((await home.call(['api', '/me/drive/root:/plain.txt'])).status, 1);
});

test('--paginate prints the items of all pages as one JSON array', async () => {
  const all = JSON.parse((await home.call(['api', '/me/drive/root/children'])).stdout).value;
  assert.ok(all.length > 2);
  const before = authority.count('graph');
  const { status, stdout } = await home.call(['api', '--paginate', '/me/drive/root/children?$top=2']);
  assert.is(status, 0);
  const names = (items: { name: string }[]): string[] => items.map(({ name }) => name);
  assert.equal(names(JSON.parse(stdout)), names(all));
  assert.is(authority.count('graph') - before, Math.ceil(all.length / 2));
});

test('api without a sign-in and without a terminal ends with 3, and opens no browser', async () => {
  const before = authority.requests.length;
  const { status, stdout, stderr } = await home.call([
    'api',
    '/me',
    '--app',
    'nobody',
    '--client-id',
    authority.clientId,
  ]);
  assert.is(status, 3);
  assert.is(stdout, '');
  assert.match(stderr, /^onedrive-token: .*Run: onedrive-token login.*\n$/);
  assert.is(authority.requests.length, before);
});

test('Ctrl-C while Graph does not answer ends with 130', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  authority.fail('graph', { type: 'hang' });
  const before = authority.count('graph');
  const running = home.start(['api', '/me']);
  await until(() => authority.count('graph') !== before);
  running.child.kill('SIGINT');
  const { status, stderr } = await running.ended;
  assert.is(status, 130);
  assert.is(stderr, 'Interrupted.\n');
});

test('Ctrl-C before an error is complete is no error of Graph', async () => {
  const interrupt = new AbortController();
  const body = new ReadableStream({ pull: () => interrupt.abort('Ctrl-C') }, { highWaterMark: 0 });
  const options = { include: false, json: false, url: new URL(authority.graphUrl), signal: interrupt.signal };
  assert.is(await printResponse(new Response(body, { status: 404 }), options).catch((error) => error), 'Ctrl-C');
});

test('a Graph that never answers: 6 after --idle-timeout, with the host and the reason', async () => {
  authority.fail('graph', { type: 'hang' }, { times: 9 });
  const { status, stderr } = await home.call(['api', '/me', '--idle-timeout', '0.8']);
  assert.is(status, 6, stderr);
  assert.match(stderr, /^onedrive-token: .* 127\.0\.0\.1:\d+ .* 0\.8 s\n$/);
});

for (const wrong of ['0', '-1', 'x', '301', '']) {
  test(`--idle-timeout ${JSON.stringify(wrong)} is wrong usage`, async () => {
    const { status, stderr } = await home.call(['api', '/me', `--idle-timeout=${wrong}`]);
    assert.is(status, 2);
    assert.match(stderr, '--idle-timeout');
  });
}

test.run();
