import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type OddRequest, openOddGraph } from '../../onedrive-graph/test/odd-graph.ts';

const { home, ...scene } = await openSignedInScene();
const graph = await openOddGraph(({ path }, response, { elsewhere, origin }) => {
  const [, kind = '', ...rest] = path.split('/');
  const redirects: Record<string, [number, string]> = {
    elsewhere: [302, `${elsewhere}/end`],
    'kept-elsewhere': [307, `${elsewhere}/end`],
    here: [302, '/end'],
    'see-other': [303, '/end'],
    kept: [307, '/end'],
    back: [302, `${elsewhere}/return`],
    return: [302, `${origin}/end`],
    plain: [302, 'http://example.com/end'],
    round: [302, '/round'],
  };
  const [status, location] = redirects[kind] ?? [];
  if (status && location) response.writeHead(status, { location }).end();
  else if (kind === 'page') {
    const next: Record<string, string> = { hostile: `${elsewhere}/page/end`, round: `${origin}/page/round` };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ value: [kind], '@odata.nextLink': next[rest[0] ?? ''] }));
  } else response.end('the end');
});
test.after(async () => {
  await graph[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
});
test.before.each(() => {
  graph.requests.length = 0;
});

const args = ['--graph', graph.origin];

function summary({ method, path, authorization, headers }: OddRequest): string {
  const token = authorization?.startsWith('Bearer ') ? 'with the token' : authorization === undefined ? 'without' : '?';
  return `${method} ${headers.host?.split(':')[0]} ${path} ${token}`;
}

test('an absolute URL on another host is wrong usage, and nothing is sent', async () => {
  const { status, stdout, stderr } = await home.call(['api', `${graph.elsewhere}/end`, ...args]);
  assert.is(status, 2);
  assert.is(stdout, '');
  assert.match(stderr, `the token goes only to ${graph.origin}`);
  assert.is(graph.requests.length, 0);
});

test('a root with plain http is wrong usage: the network could read the token', async () => {
  const { status, stdout, stderr } = await home.call(['api', '/me', '--graph', 'http://graph.example/v1.0']);
  assert.is(status, 2);
  assert.is(stdout, '');
  assert.match(stderr, '--graph: ');
});

test('a redirect to another host is followed without the token and without the headers that say who asks', async () => {
  const headers = ['-H', 'X-Secret: x', '-H', 'Cookie: a=b', '-H', 'Range: bytes=0-3'];
  const { status, stdout } = await home.call(['api', '/elsewhere', ...headers, ...args]);
  assert.is(status, 0);
  assert.is(stdout, 'the end');
  assert.equal(graph.requests.map(summary), ['GET 127.0.0.1 /elsewhere with the token', 'GET localhost /end without']);
  const [first, second] = graph.requests;
  assert.is(first?.headers['x-secret'], 'x');
  assert.is(second?.headers['x-secret'], undefined);
  assert.is(second?.headers.cookie, undefined);
  assert.is(second?.headers.range, 'bytes=0-3');
});

test('a redirect on the same host keeps the token', async () => {
  assert.is((await home.call(['api', '/here', ...args])).status, 0);
  assert.equal(graph.requests.map(summary), [
    'GET 127.0.0.1 /here with the token',
    'GET 127.0.0.1 /end with the token',
  ]);
});

test('303 makes a POST a GET, 307 repeats it with its body', async () => {
  await home.call(['api', '/see-other', '-d', '{"a":1}', ...args]);
  await home.call(['api', '/kept', '-d', '{"a":1}', ...args]);
  assert.equal(
    graph.requests.map(({ method, body }) => [method, body]),
    [
      ['POST', '{"a":1}'],
      ['GET', ''],
      ['POST', '{"a":1}'],
      ['POST', '{"a":1}'],
    ],
  );
});

for (const [path, says] of [
  ['/kept-elsewhere', /not following a redirect of POST to another host/],
  ['/plain', /not https/],
  ['/round', /redirected more than 10 times/],
] as const) {
  test(`a redirect such as ${path} is not followed`, async () => {
    const { status, stdout, stderr } = await home.call(['api', path, '-d', '{}', ...args]);
    assert.is(status, 1);
    assert.is(stdout, '');
    assert.match(stderr, says);
    assert.not(graph.requests.some(({ headers }) => headers.host?.startsWith('localhost')));
  });
}

test('a next page on another host is not asked for', async () => {
  const { status, stderr } = await home.call(['api', '--paginate', '/page/hostile', ...args]);
  assert.is(status, 1);
  assert.match(stderr, `@odata.nextLink: the token goes only to ${graph.origin}`);
  assert.equal(graph.requests.map(summary), ['GET 127.0.0.1 /page/hostile with the token']);
});

test('pages that lead in a circle come to an end', async () => {
  const { status, stderr } = await home.call(['api', '--paginate', '/page/round', ...args]);
  assert.is(status, 1);
  assert.match(stderr, 'twice');
  assert.is(graph.requests.length, 1);
});

test.run();
