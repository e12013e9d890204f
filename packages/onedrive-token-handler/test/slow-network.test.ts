import dns from 'node:dns';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import type { TokenEvent } from '../src/index.ts';
import { openScene, rejection } from './scene.ts';

if (process.platform !== 'linux') {
  console.log('skipped: elsewhere, a full queue of connections does something else');
  process.exit(0);
}

/** A provider, or a proxy to it, that is busy until it is told: its queue is full, so the kernel drops the first packet of each connection. */
const distantProvider = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { createServer, connect } = require('node:net');
  const body = '{"access_token":"a","token_type":"Bearer","expires_in":3600}';
  const answer = 'HTTP/1.1 200 OK\\r\\ncontent-length: ' + body.length + '\\r\\n\\r\\n' + body;
  const server = createServer((socket) => {
    const read = (data) => {
      if (/^CONNECT/.test(data)) socket.once('data', read).write('HTTP/1.1 200 OK\\r\\n\\r\\n');
      else socket.end(answer);
    };
    socket.on('error', () => {}).once('data', read);
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    const { port } = server.address();
    for (let count = 0; count < 8; count++) connect(port, '127.0.0.1').on('error', () => {});
    process.nextTick(() => process.nextTick(() => {
      parentPort.postMessage(port);
      Atomics.wait(workerData, 0, 0, 15_000);
    }));
  });`;

const addresses = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** Calls `use` with the port of a host that has an address of IPv6, but answers only to IPv4, and not before `answer` is called. */
async function withDistantHost(use: (port: number, answer: () => void) => Promise<void>): Promise<void> {
  const busy = new Int32Array(new SharedArrayBuffer(4));
  const provider = new Worker(distantProvider, { eval: true, workerData: busy });
  const [port] = await once(provider, 'message');
  const { lookup } = dns;
  const found = (_name: string, _options: object, done: (...result: unknown[]) => void): void =>
    process.nextTick(done, null, addresses);
  Object.assign(dns, { lookup: found });
  try {
    await use(port, () => Atomics.notify(busy, 0));
  } finally {
    Object.assign(dns, { lookup });
    await provider.terminate();
  }
}

for (const [client, environment, host = 'localhost'] of [
  ['node:http', {}],
  ['undici', { HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: 'localhost' }],
  ['a proxy', { HTTP_PROXY: 'http://localhost' }, '127.0.0.1'],
] as const) {
  test(`${client}: a host that has IPv6 is reached on a slow network without IPv6`, async () => {
    await using scene = await openScene();
    await withDistantHost(async (port, answer) => {
      const store = new MemoryStore();
      store.records.set('my-app', { refreshToken: 'r' });
      let retries = 0;
      const onEvent = ({ type }: TokenEvent): void => {
        if (type !== 'retry') return;
        retries++;
        // By then the second request waits for more than 250 ms.
        setTimeout(answer, 1_500);
      };
      const handler = scene.handler({ store, authority: `http://${host}:${port}`, interactive: false, onEvent });
      for (const [name, value] of Object.entries(environment))
        process.env[name] = value.replace(/localhost$/, `$&:${port}`);
      try {
        assert.is(await handler.getToken(), 'a');
      } finally {
        for (const name of Object.keys(environment)) delete process.env[name];
      }
      assert.is(retries, 1, 'at first, Node gives an address 250 ms');
    });
  });
}

test('fetch: a host that has IPv6 is reached on a slow network without IPv6, but a stream is not sent twice', async () => {
  await using scene = await openScene();
  await withDistantHost(async (port, answer) => {
    const handler = scene.handler();
    const url = `http://localhost:${port}`;
    const stream: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      body: new Blob(['text']).stream(),
      duplex: 'half',
    };
    assert.is((await rejection(handler.fetch(url, stream))).code, 'NETWORK');
    setTimeout(answer, 1_000);
    const response = await handler.fetch(url, { method: 'POST', body: 'text' });
    assert.is((await response.json()).access_token, 'a');
  });
});

test.run();
