// Takes about 21 s.
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAcceptor } from '../src/index.ts';
import { sendRequest } from '../test/send-request.ts';

test('a head or a form that comes byte by byte has 20 s, a silent socket too, and then the person signs in', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 2 });
  const accepted = acceptor.accept();
  const { host } = new URL(acceptor.redirectUri);
  const started = performance.now();
  const ends = await Promise.all([
    trickle(acceptor.port, ''),
    trickle(acceptor.port, `GET /?code=a&state=right HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(500)}`),
    trickle(
      acceptor.port,
      `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\n${'x'.repeat(500)}`,
    ),
  ]);
  const waited = performance.now() - started;
  assert.is(ends[0], '', 'it asked for nothing');
  assert.match(ends[1], /^HTTP\/1\.1 408 /);
  assert.match(ends[2], /^HTTP\/1\.1 408 /);
  assert.ok(waited > 19_000, `${waited} ms`);
  // The two requests count as stray ones. The silent socket does not, or the wait would be over.
  await sendRequest(`${acceptor.redirectUri}/?code=the-code&state=right`);
  assert.is((await within('the answer', accepted, 30_000)).code, 'the-code');
});

/** Sends ten bytes a second, and resolves with the response. */
function trickle(port: number, bytes: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let sent = 0;
  const timer = setInterval(() => {
    if (sent < bytes.length) socket.write(bytes[sent++] ?? '');
  }, 100);
  return within('the end of a slow connection', text(socket), 60_000).finally(() => clearInterval(timer));
}

test.run();
