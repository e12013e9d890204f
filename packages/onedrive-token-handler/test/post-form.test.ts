import { createServer, type Socket } from 'node:net';
import { listen } from 'testing-authority/listen';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnectionError } from '../src/provider/connection-error.ts';
import { postForm as postByNode } from '../src/provider/post-form.ts';
import { postForm as postByUndici } from '../src/provider/undici-client.ts';
import { failure } from './scene.ts';

/** A server of bytes. */
async function serve(onConnection: (socket: Socket) => void): Promise<{ url: URL } & Disposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  });
  return {
    url: new URL(`http://127.0.0.1:${await listen(server)}/a?b=c`),
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Whether the provider cannot have seen the request that failed so. */
function isBeforeConnection(url: URL, error: Error): boolean {
  return ConnectionError.from(url, error, undefined).beforeConnection;
}

for (const [client, postForm] of [
  ['node:http', postByNode],
  ['undici', postByUndici],
] as const) {
  const post = (url: URL, signal = AbortSignal.timeout(20_000)): ReturnType<typeof postForm> =>
    postForm({ url, body: 'grant_type=refresh_token', signal });

  test(`${client}: an abort ends a request that waits for its answer`, async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    using server = await serve((socket) => void socket.once('data', () => onAsked()));
    const { url } = server;
    const stop = new AbortController();
    const call = failure(post(url, stop.signal));
    await asked;
    stop.abort();
    assert.not(isBeforeConnection(url, await call), 'it may have been read');
  });

  test(`${client}: an abort in the middle of a body ends the request`, async () => {
    using server = await serve((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'));
    });
    const stop = new AbortController();
    const call = failure(post(server.url, stop.signal));
    setTimeout(() => stop.abort(), 100);
    await call;
  });

  for (const [what, answer] of [
    ['changes the protocol', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ['is not HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['ends before its content-length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'],
    ['is empty', ''],
  ] as const) {
    test(`${client}: an answer that ${what} is an error, and the request is not repeated`, async () => {
      using server = await serve((socket) => void socket.once('data', () => socket.end(answer)));
      const { url } = server;
      const error = await failure(post(url));
      assert.not(isBeforeConnection(url, error));
    });
  }

  test(`${client}: each request has a connection of its own, which says so, and the form`, async () => {
    const heads: string[] = [];
    using server = await serve((socket) => {
      socket.once('data', (data) => {
        heads.push(data.toString());
        // It offers to keep the connection.
        socket.write('HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n{}');
      });
    });
    const { url } = server;
    for (let count = 0; count < 2; count++) assert.is((await post(url)).body, '{}');
    assert.is(heads.length, 2);
    assert.match(heads[0] as string, /^POST \/a\?b=c HTTP\/1\.1\r\n/);
    assert.match(heads[0] as string, /\r\nconnection: close\r\n/i);
    assert.match(heads[0] as string, /\r\naccept: application\/json\r\n/i);
    assert.match(heads[0] as string, /\r\naccept-encoding: identity\r\n/i);
    assert.match(heads[0] as string, /\r\ncontent-type: application\/x-www-form-urlencoded\r\n/i);
    assert.match(heads[0] as string, /\r\n\r\ngrant_type=refresh_token$/);
  });

  test(`${client}: a date in Retry-After counts from the Date of the answer, whatever the clock of this machine says`, async () => {
    const [date, later] = [86_400_000, 86_420_000].map((ahead) => new Date(Date.now() + ahead).toUTCString());
    for (const [dates, least, most] of [
      [`date: ${date}\r\n`, 20_000, 20_000],
      ['', 86_410_000, 86_420_000],
      ['date: today\r\n', 86_410_000, 86_420_000],
    ] as const) {
      const head = `HTTP/1.1 503 Busy\r\nretry-after: ${later}\r\n${dates}content-length: 0\r\n\r\n`;
      using server = await serve((socket) => void socket.once('data', () => socket.end(head)));
      const { retryAfter = 0 } = await post(server.url);
      assert.ok(retryAfter >= least && retryAfter <= most, `${retryAfter} ms`);
    }
  });

  for (const [what, given] of [
    ['400 digits', '9'.repeat(400)],
    ['the year 9999', 'Fri, 31 Dec 9999 23:59:59 GMT'],
  ] as const) {
    test(`${client}: a Retry-After of ${what} is the longest wait of a timer`, async () => {
      const head = `HTTP/1.1 429 Too Many Requests\r\nretry-after: ${given}\r\ncontent-length: 0\r\n\r\n`;
      using server = await serve((socket) => void socket.once('data', () => socket.end(head)));
      assert.is((await post(server.url)).retryAfter, 2 ** 31 - 1);
    });
  }

  test(`${client}: of two Retry-After headers, the first one counts`, async () => {
    const head = 'HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n';
    using server = await serve((socket) => void socket.once('data', () => socket.end(head)));
    const answer = await post(server.url);
    assert.equal([answer.status, answer.retryAfter], [429, 7_000]);
  });
}

test.run();
