import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { issueCertificate } from 'testing-authority';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openOddGraph } from '../../onedrive-graph/test/odd-graph.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

test('a certificate that is not trusted is 1, for Microsoft and for Graph', async () => {
  const server = createServer(issueCertificate()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1.0`;
  const graph = await home.call(['api', '/me', '--graph', url]);
  const login = await home.call(['login', '--device', '--authority', url, '--client-id', 'x', '--app', 'other']);
  server.close();
  for (const { status, stderr } of [graph, login]) {
    assert.is(status, 1, stderr);
    assert.match(stderr, /^onedrive-token: .* 127\.0\.0\.1:\d+ .*NODE_EXTRA_CA_CERTS/m);
  }
});

test('a wrong path of the authority is 1', async () => {
  const args = [
    'login',
    '--device',
    '--authority',
    `${authority.origin}/no/tenant`,
    '--client-id',
    'x',
    '--app',
    'other',
  ];
  const { status, stderr } = await home.call(args);
  assert.is(status, 1, stderr);
  assert.match(stderr, /no\/tenant.* https:\/\/login\.microsoftonline\.com\/consumers\n/);
});

test('a full OneDrive is 1, and says what to do', async () => {
  const body = JSON.stringify({ error: { code: 'quotaLimitReached', message: 'Insufficient Space Available' } });
  authority.fail('graph', { type: 'status', status: 507, body }, { times: 9 });
  const { status, stderr } = await home.call(['api', '/me']);
  assert.is(status, 1, stderr);
  assert.match(stderr, /\(HTTP 507, quotaLimitReached.*\)\. \S/);
});

test('Graph that asks for a long wait is 6, and says for how long', async () => {
  authority.fail('graph', { type: 'status', status: 429, retryAfter: '400' }, { times: 9 });
  const { status, stderr } = await home.call(['api', '/me']);
  assert.is(status, 6, stderr);
  assert.match(stderr, / 400 s\n$/);
});

test('a reader that has closed stdout changes no status, and a long answer ends early', async () => {
  await using graph = await openOddGraph((request, response) => {
    response.setHeader('content-type', 'application/json');
    const write = (): void => {
      while (response.write('['.repeat(9999)));
    };
    if (request.path === '/stream') return write.call(response.on('drain', write));
    response.end(`{"value":["x"],"@odata.nextLink":"http://${request.headers.host}/more"}`);
  });
  for (const [args, expected] of [
    [[], 0],
    [['status', '--app', 'nobody'], 3],
    [['api', '-i', '/me/nothing'], 1],
    [['api', '--paginate', '/endless', '--graph', graph.origin], 0],
    [['api', '/stream', '--graph', graph.origin], 0],
  ] as const) {
    const { child, ended } = home.start(args);
    child.stdout?.destroy();
    assert.is((await ended).status, expected, args.join(' '));
  }
});

test.run();
