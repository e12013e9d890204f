import net from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { least } from 'testing-authority/least';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAcceptor } from '../src/index.ts';
import { closed, connectAll, refused } from './raw-sockets.ts';
import { stopwatch } from './stopwatch.ts';

/** More than the system takes at once, and little enough for a busy machine to send and read it in time. */
const largeSize = 8_000_000;

for (const [name, size, read] of [
  ['never hangs up', 10, true],
  ['ends its side and never reads its large page', largeSize, false],
] as const) {
  test(`a client that ${name} is disconnected within 500 ms of the answer, after accept() has settled`, async () => {
    const time = await least(500, 20, async () => {
      const acceptor = await openAcceptor({ state: 'right', renderPage: () => 'x'.repeat(size) });
      const accepted = acceptor.accept(async () => performance.now());
      const socket = net.connect({ port: acceptor.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => {});
      if (read) socket.resume();
      else socket.pause();
      await new Promise((resolve) => socket.on('connect', resolve));
      const passed = stopwatch();
      socket[read ? 'write' : 'end'](`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
      const redeemedAt = await within('the answer', accepted);
      // Until a page that is not read is given up, the program must not end.
      assert.ok(read || performance.now() - redeemedAt > 300);
      await within('close()', acceptor.close());
      socket.destroy();
      return passed();
    });
    assert.ok(time < 500, `${time} ms`);
  });
}

test('accept() does not wait for the browser to close its side', async () => {
  const time = await least(250, 20, async () => {
    await using acceptor = await openAcceptor({ state: 'right' });
    const accepted = acceptor.accept();
    const socket = net.connect({ port: acceptor.port, host: '127.0.0.1', allowHalfOpen: true }).resume();
    const started = performance.now();
    socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
    await within('the answer', accepted);
    socket.destroy();
    return performance.now() - started;
  });
  assert.ok(time < 250, `${time} ms`);
});

test('a refused client that never hangs up is disconnected', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const socket = net.connect({ port: acceptor.port, host: '127.0.0.1', allowHalfOpen: true }).resume();
  const gone = new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
  socket.write('GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n');
  // It notices that only when it writes.
  const probe = setInterval(() => socket.write('x'), 10);
  await within('the end of the connection', gone).finally(() => clearInterval(probe));
});

for (const [when, wait] of [
  ['is never called', undefined],
  ['is called 60 ms later', 60],
] as const) {
  test(`a client that never reads its page is disconnected within 500 ms of the answer, though accept() ${when}`, async () => {
    const time = await least(500, 20, async () => {
      await using acceptor = await openAcceptor({ state: 'right', renderPage: () => 'x'.repeat(2_000_000) });
      const socket = net.connect(acceptor.port, '127.0.0.1').pause();
      const gone = new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
      const passed = stopwatch();
      socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
      // A paused socket notices its end only when it writes.
      const probe = setInterval(() => socket.write('x'), 10);
      if (wait !== undefined) setTimeout(() => acceptor.accept(), wait);
      await within('the end of the connection', gone);
      clearInterval(probe);
      return passed();
    });
    assert.ok(time < 500, `${time} ms`);
  });
}

test('a page arrives whole if the client is slow to read it, though all other clients are disconnected', async () => {
  // On a busy machine a slow client may become too slow, so the best of many attempts counts.
  const missing = await least(0, 20, async () => {
    const acceptor = await openAcceptor({ state: 'right', renderPage: () => 'x'.repeat(largeSize) });
    const silent = await connectAll(acceptor.port, 5, '');
    const accepted = acceptor.accept();
    const received = readLate(
      acceptor.port,
      `GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`,
    );
    await within('the answer', accepted);
    await within('close()', acceptor.close());
    await within('the end of the others', Promise.all(silent.map(closed)));
    const [head = '', body = ''] = (await within('the page', received)).split('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    assert.ok(length > largeSize);
    return length - body.length;
  });
  assert.is(missing, 0);
});

test('close() while the page is on its way changes nothing', async () => {
  const acceptor = await openAcceptor({ state: 'right', renderPage: () => 'x'.repeat(largeSize) });
  const accepted = acceptor.accept();
  const socket = net.connect(acceptor.port, '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
  // The port is free as soon as the page is being sent.
  await within('the port to be free', refused(acceptor.port));
  await within('close()', acceptor.close());
  assert.is((await within('the answer', accepted)).code, 'a');
  socket.destroy();
});

test('a redemption that ends after close(), while that page is on its way, changes nothing', async () => {
  const acceptor = await openAcceptor({ state: 'right', renderPage: () => 'x'.repeat(largeSize) });
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<string>();
  const rejected = rejection(
    acceptor.accept(() => {
      started.resolve();
      return finish.promise;
    }),
  );
  const socket = net.connect(acceptor.port, '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
  await within('the redemption', started.promise);
  const closing = acceptor.close();
  finish.resolve('the token');
  await within('close()', closing);
  assert.is((await rejected).code, 'ACCEPTOR_CLOSED');
  socket.destroy();
});

test('a client that keeps sending after it has read its page gets no RST', async () => {
  const acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const ended = new Promise<void>((resolve, reject) => {
    const socket = net.connect({ port: acceptor.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', reject).resume();
    socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
    socket.on('end', async () => {
      // An RST that answers one write shows in the next one.
      for (let write = 0; write < 5; write++) {
        socket.write('x');
        await delay(10);
      }
      socket.end(resolve);
    });
  });
  await within('the answer', accepted);
  await within('the end of the client', ended);
  await within('close()', acceptor.close());
});

test('a page arrives whole though its reader keeps sending', async () => {
  const acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const socket = net.connect(acceptor.port, '127.0.0.1');
  socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\nGET /more`);
  const chatter = setInterval(() => socket.write('x'.repeat(1_000)), 5);
  socket.on('end', () => clearInterval(chatter));
  const page = text(socket);
  await within('the answer', accepted);
  assert.match(await within('the page', page), /^HTTP\/1\.1 200 OK\r\n[\s\S]*replaceState[\s\S]*<\/html>\n$/);
  await within('close()', acceptor.close());
});

/** Reads nothing for 30 ms, then everything. If the connection breaks, resolves with what has arrived. */
function readLate(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, '127.0.0.1').pause();
    socket.on('error', () => {}).on('close', () => resolve(Buffer.concat(chunks).toString()));
    socket.write(request, () => setTimeout(() => socket.resume(), 30));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).pause();
  });
}

test.run();
