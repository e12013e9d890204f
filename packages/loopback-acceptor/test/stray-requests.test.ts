import { once } from 'node:events';
import type { Socket } from 'node:net';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Acceptor, openAcceptor } from '../src/index.ts';
import { closed, connectAll } from './raw-sockets.ts';
import { exchangeBytes, postForm, sendRequest } from './send-request.ts';
import { answer, form, mark, type Stray, strays } from './stray-requests.ts';

for (const stray of strays) {
  test(`${stray.name} is refused with ${stray.status}, the response repeats nothing, and the wait continues`, async () => {
    await using acceptor = await openAcceptor({ state: 'right', ...stray.options });
    const accepted = acceptor.accept();
    const text = await send(acceptor, stray);
    assert.is(text.status, stray.status);
    assert.not.match(text.all, mark);
    assert.is(await isAnswered(acceptor, stray, accepted), 'the-code');
  });

  test(`${stray.name} ends the wait if the first request has to be the answer`, async () => {
    await using acceptor = await openAcceptor({ state: 'right', ...stray.options, maxStrayRequests: 0 });
    const rejected = rejection(acceptor.accept());
    assert.is((await send(acceptor, stray)).status, stray.status);
    const error = await rejected;
    assert.is(error.code, 'ACCEPTOR_STRAY_REQUEST');
    assert.not.match(error.message, mark);
  });
}

async function send(acceptor: Acceptor, stray: Stray): Promise<{ status: number; all: string }> {
  if ('bytes' in stray) {
    const all = await exchangeBytes(acceptor.port, stray.bytes(new URL(acceptor.redirectUri).host));
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(all)?.[1]), all };
  }
  const { origin } = new URL(acceptor.redirectUri);
  const { status, headers, text } = await sendRequest(origin + stray.target, stray.request);
  return { status, all: JSON.stringify(headers) + text };
}

async function isAnswered(
  acceptor: Acceptor,
  { options }: Stray,
  accepted: Promise<{ code: string }>,
): Promise<string> {
  const iss: Record<string, string> = options?.issuer ? { iss: options.issuer } : {};
  await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right', ...iss });
  return (await within('the answer', accepted)).code;
}

test('OPTIONS with the answer in it gets 204 so that the browser goes on, and is not the answer', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const headers = {
    origin: 'https://provider.example',
    'access-control-request-method': 'POST',
    'access-control-request-private-network': 'true',
  };
  const preflight = await sendRequest(`${acceptor.redirectUri}/?${answer}`, { method: 'OPTIONS', headers });
  assert.is(preflight.status, 204);
  assert.is(preflight.text, '');
  assert.is(preflight.headers['access-control-allow-origin'], '*');
  assert.is(preflight.headers['access-control-allow-private-network'], 'true');
  assert.not.match(JSON.stringify(preflight.headers), /REFLECTED|provider/);
  const answered = await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right' });
  assert.is(answered.headers['access-control-allow-origin'], undefined);
  assert.is((await within('the answer', accepted)).code, 'the-code');
});

test('OPTIONS counts as a stray request', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const rejected = rejection(acceptor.accept());
  assert.is((await sendRequest(`${acceptor.redirectUri}/?${answer}`, { method: 'OPTIONS' })).status, 204);
  assert.is((await rejected).code, 'ACCEPTOR_STRAY_REQUEST');
});

for (const [what, body] of [
  ['a form', `Content-Type: ${form['content-type']}\r\nContent-Length: 100\r\n\r\n`],
  ['a head', 'Content-Type:'],
]) {
  for (const end of ['end', 'resetAndDestroy'] as const) {
    test(`${what} that ends early, by ${end}(), is a stray request`, async () => {
      await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
      const rejected = rejection(acceptor.accept());
      const { host } = new URL(acceptor.redirectUri);
      const [socket] = await connectAll(acceptor.port, 1, `POST / HTTP/1.1\r\nHost: ${host}\r\n${body}`);
      // A complete exchange after it, so that the acceptor has read it by now.
      await exchangeNothing(acceptor.port);
      socket?.[end]();
      assert.is((await rejected).code, 'ACCEPTOR_STRAY_REQUEST');
    });
  }
}

test('beyond 1,000 connections the oldest is closed, which is no stray request, unless it waits for its page', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const redemption = Promise.withResolvers<string>();
  const redeemed = acceptor.accept(() => redemption.promise);
  const request = `GET /?${answer} HTTP/1.1\r\nHost: ${new URL(acceptor.redirectUri).host}\r\n\r\n`;
  const idle = await connectAll(acceptor.port, 1_000, 'G');
  const [reader] = await connectAll(acceptor.port, 1, request);
  await within('the end of the oldest', closed(idle[0] as Socket));
  const readers = await connectAll(acceptor.port, 999, request);
  await within('the end of the idle', Promise.all(idle.map(closed)));
  const [tooMany] = await connectAll(acceptor.port, 1, request);
  await within('the end of the last', closed(tooMany as Socket));
  assert.ok([reader, ...readers].every((socket) => socket?.closed === false));
  redemption.resolve('the token');
  assert.is(await within('the redemption', redeemed), 'the token');
});

test('a thousand refused clients that stay do not keep the browser out', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const staying = await connectAll(acceptor.port, 1_000, 'G', true);
  const refused = Promise.all(staying.map((socket) => once(socket, 'data')));
  // All at once, so that none has been disconnected when the browser comes.
  for (const socket of staying) socket.write('\r\n\r\n');
  await within('the refusals', refused);
  await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right' });
  assert.is((await within('the answer', accepted)).code, 'the-code');
  for (const socket of staying) socket.destroy();
});

test('a header of 60,000 spaces does not keep the program busy', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const before = process.cpuUsage();
  const response = await exchangeBytes(acceptor.port, `GET / HTTP/1.1\r\nX:${' '.repeat(60_000)}\u0001\r\n\r\n`);
  assert.match(response, /^HTTP\/1\.1 400 /);
  assert.ok(process.cpuUsage(before).user < 1_000_000, 'it took more than a second of the processor');
});

test('a connection on which nothing is sent is not a request', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const accepted = acceptor.accept();
  await exchangeNothing(acceptor.port);
  await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right' });
  assert.is((await within('the answer', accepted)).code, 'the-code');
});

async function exchangeNothing(port: number): Promise<void> {
  const net = await import('node:net');
  const closed = new Promise<void>((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end());
    socket.on('close', () => resolve());
  });
  await within('the end of a silent connection', closed);
}

test('a connection that the browser has opened in advance outlives a thousand that come and go', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const [inAdvance] = await connectAll(acceptor.port, 1, '');
  for (let round = 0; round < 40; round++) {
    await Promise.all(Array.from({ length: 25 }, () => exchangeNothing(acceptor.port)));
  }
  inAdvance?.write(`GET /?${answer} HTTP/1.1\r\nHost: ${new URL(acceptor.redirectUri).host}\r\n\r\n`);
  assert.ok((await within('the answer', accepted)).code);
});

test('the wait ends with the first request beyond maxStrayRequests', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 3 });
  const rejected = rejection(acceptor.accept());
  for (let request = 1; request <= 3; request++) await sendRequest(`${acceptor.redirectUri}/favicon.ico`);
  assert.is(await Promise.race([rejected, 'still waiting']), 'still waiting');
  await sendRequest(`${acceptor.redirectUri}/favicon.ico`);
  const error = await rejected;
  assert.is(error.code, 'ACCEPTOR_STRAY_REQUEST');
  assert.match(error.message, '`maxStrayRequests` allows 3');
});

test('requests that are pipelined after the first one are ignored', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const { host } = new URL(acceptor.redirectUri);
  const one = `GET /favicon.ico HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const text = await exchangeBytes(acceptor.port, `${one}GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\n\r\n${one}`);
  assert.is(text.match(/^HTTP/gm)?.length, 1);
  await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right' });
  assert.is((await within('the answer', accepted)).code, 'the-code');
});

test.run();
