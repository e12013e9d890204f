import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnectionError } from '../src/provider/connection-error.ts';
import { type HttpAnswer, postForm } from '../src/provider/post-form.ts';
import { failure } from './scene.ts';

/** A server of bytes, which says what it got. */
async function listen(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

function post(url: URL, signal = AbortSignal.timeout(20_000)): Promise<HttpAnswer> {
  return postForm({ url, body: 'grant_type=refresh_token', signal });
}

/** Whether the provider cannot have seen the request that failed so. */
function isBeforeConnection(url: URL, error: Error): boolean {
  return ConnectionError.from(url, error, undefined).beforeConnection;
}

test('an abort ends a request that waits for its answer', async () => {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const { server, port } = await listen((socket) => void socket.once('data', () => onAsked()));
  const url = new URL(`http://127.0.0.1:${port}/token`);
  const stop = new AbortController();
  const call = failure(post(url, stop.signal));
  await asked;
  stop.abort();
  assert.not(isBeforeConnection(url, await call), 'it may have been read');
  server.close();
});

test('an abort in the middle of a body ends the request', async () => {
  const { server, port } = await listen((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'));
  });
  const stop = new AbortController();
  const call = failure(post(new URL(`http://127.0.0.1:${port}/token`), stop.signal));
  setTimeout(() => stop.abort(), 100);
  await call;
  server.close();
});

for (const [what, answer] of [
  ['changes the protocol', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
  ['is not HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  ['ends before its content-length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'],
  ['is empty', ''],
] as const) {
  test(`an answer that ${what} is an error, and the request is not repeated`, async () => {
    const { server, port } = await listen((socket) => void socket.once('data', () => socket.end(answer)));
    const url = new URL(`http://127.0.0.1:${port}/token`);
    const error = await failure(post(url));
    assert.not(isBeforeConnection(url, error));
    server.close();
  });
}

test('each request has a connection of its own, which says so, and the form', async () => {
  const heads: string[] = [];
  const { server, port } = await listen((socket) => {
    socket.once('data', (data) => {
      heads.push(data.toString());
      // It offers to keep the connection.
      socket.write('HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n{}');
    });
  });
  const url = new URL(`http://127.0.0.1:${port}/a?b=c`);
  for (let count = 0; count < 2; count++) assert.is((await post(url)).body, '{}');
  assert.is(heads.length, 2);
  assert.match(heads[0] as string, /^POST \/a\?b=c HTTP\/1\.1\r\n/);
  assert.match(heads[0] as string, /\r\nconnection: close\r\n/i);
  assert.match(heads[0] as string, /\r\ncontent-type: application\/x-www-form-urlencoded\r\n/i);
  assert.match(heads[0] as string, /\r\n\r\ngrant_type=refresh_token$/);
  server.close();
});

test('of two Retry-After headers, the first one counts', async () => {
  const head = 'HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n';
  const { server, port } = await listen((socket) => void socket.once('data', () => socket.end(head)));
  const answer = await post(new URL(`http://127.0.0.1:${port}/token`));
  assert.equal([answer.status, answer.retryAfter], [429, 7_000]);
  server.close();
});

test.run();
