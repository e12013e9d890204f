import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deliverPastedAddress } from '../src/session/pasted-address.ts';

const seen: (string | undefined)[] = [];
const server = createServer((request, response) => {
  seen.push(request.headers.host, request.url);
  response.end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');
test.after(() => {
  server.close();
  server.closeAllConnections();
});
const { port } = server.address() as AddressInfo;

function authorizationUrl(listenerPort: number): URL {
  return new URL(`https://example.com/authorize?state=s%26t&redirect_uri=http://localhost:${listenerPort}`);
}

for (const [what, query, delivered] of [
  ['a code', 'code=a%2Bb&state=s%26t', { code: 'a+b', state: 's&t' }],
  [
    'an error of the provider',
    'error=access_denied&error_description=The+person+said+no.&state=s%26t',
    { error: 'access_denied', error_description: 'The person said no.', state: 's&t' },
  ],
] as const) {
  test(`an address with ${what} is sent to the listener, under the name of the redirect URI`, async () => {
    seen.length = 0;
    const pasted = `'localhost:${port}/?${query}'`;
    assert.is(await deliverPastedAddress(pasted, authorizationUrl(port)), undefined);
    const [host, target = ''] = seen;
    assert.is(host, `localhost:${port}`);
    assert.equal(Object.fromEntries(new URL(target, 'http://localhost').searchParams), delivered);
  });
}

test('an address of another sign-in is explained, and not sent', async () => {
  seen.length = 0;
  const refusal = await deliverPastedAddress(`http://localhost:${port}/?code=x&state=y`, authorizationUrl(port));
  assert.match(refusal ?? '', 'belongs to another sign-in');
  assert.equal(seen, []);
});

test('an address that is pasted after the end of the sign-in is ignored', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port: closedPort } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  const pasted = `http://localhost:${closedPort}/?code=x&state=s%26t`;
  assert.is(await deliverPastedAddress(pasted, authorizationUrl(closedPort)), undefined);
});

test.run();
