import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deliverPastedAddress } from '../src/sign-in/pasted-address.ts';

test('an address that is pasted after the end of the sign-in is ignored', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const redirectUri = new URL(`http://localhost:${port}`);
  assert.is(await deliverPastedAddress(`http://localhost:${port}/?code=x&state=y`, redirectUri), undefined);
});

test.run();
