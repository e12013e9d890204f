import { getEventListeners } from 'node:events';
import http from 'node:http';
import { least } from 'testing-authority/least';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AcceptorError, openAcceptor } from '../src/index.ts';
import { closed, connectAll, refused } from './raw-sockets.ts';
import { sendRequest } from './send-request.ts';

test('no answer within the timeout is ACCEPTOR_TIMEOUT, not earlier and not much later', async () => {
  const opened = performance.now();
  await using acceptor = await openAcceptor({ state: 'right', timeout: 300 });
  const error = await rejection(acceptor.accept());
  const waited = performance.now() - opened;
  assert.instance(error, AcceptorError);
  assert.equal([error.name, error.code], ['AcceptorError', 'ACCEPTOR_TIMEOUT']);
  assert.match(error.message, 'within 0.3 s (option');
  assert.ok(waited >= 299 && waited < 1_000, `${waited} ms`);
});

test('a timeout that passes before accept() is called is still its outcome', async () => {
  await using acceptor = await openAcceptor({ state: 'right', timeout: 20 });
  await within('the port to be free', refused(acceptor.port));
  assert.is((await rejection(acceptor.accept())).code, 'ACCEPTOR_TIMEOUT');
  assert.is((await rejection(acceptor.accept(async () => 1))).code, 'ACCEPTOR_TIMEOUT');
});

test('the timeout ends with the answer: a redemption may take longer', async () => {
  // If the machine is so busy that the answer comes too late, the next attempt gives it more time.
  for (let timeout = 150; ; timeout *= 3) {
    await using acceptor = await openAcceptor({ state: 'right', timeout });
    let begun = false;
    const redeemed = acceptor.accept(async () => {
      begun = true;
      return new Promise<string>((resolve) => setTimeout(resolve, timeout + 250, 'the token'));
    });
    const answered = sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
    const [outcome, page] = await Promise.allSettled([within('the redemption', redeemed, timeout + 3_000), answered]);
    if (!begun && timeout < 4_000) continue;
    assert.equal(outcome, { status: 'fulfilled', value: 'the token' });
    assert.is(page.status === 'fulfilled' && page.value.status, 200);
    return;
  }
});

test('stray requests do not delay the timeout', async () => {
  await using acceptor = await openAcceptor({ state: 'right', timeout: 200 });
  const rejected = rejection(acceptor.accept());
  let over = false;
  const stop = (): void => {
    over = true;
  };
  rejected.then(stop, stop);
  // The last one finds the port closed.
  while (!over) {
    await sendRequest(`${acceptor.redirectUri}/favicon.ico`).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.is((await rejected).code, 'ACCEPTOR_TIMEOUT');
});

test('a signal that was aborted before rejects openAcceptor with its reason, and the port is not touched', async () => {
  const reason = new Error('changed my mind');
  await using taken = await openAcceptor({ state: 'right' });
  const signal = AbortSignal.abort(reason);
  assert.is(await rejection(openAcceptor({ state: 'right', port: taken.port, signal })), reason);
});

test('a signal that is aborted while the port is being opened rejects openAcceptor with its reason, and frees the port', async () => {
  const first = await openAcceptor({ state: 'right' });
  await first.close();
  const { port } = first;
  const controller = new AbortController();
  const opening = rejection(openAcceptor({ state: 'right', port, signal: controller.signal }));
  const reason = new Error('changed my mind');
  controller.abort(reason);
  assert.is(await opening, reason);
  await within('the port to be free', refused(port));
});

test('an abort while waiting rejects accept() with its reason, and frees the port', async () => {
  const controller = new AbortController();
  await using acceptor = await openAcceptor({ state: 'right', signal: controller.signal });
  const rejected = rejection(acceptor.accept());
  const reason = { any: 'value' };
  controller.abort(reason);
  assert.is(await rejected, reason);
  await within('the port to be free', refused(acceptor.port));
});

test('an abort with a reason that cannot be read is an abort like any other', async () => {
  const controller = new AbortController();
  await using acceptor = await openAcceptor({ state: 'right', signal: controller.signal });
  const rejected = rejection(acceptor.accept());
  const reason = {
    get code(): string {
      throw new Error('not readable');
    },
  };
  controller.abort(reason);
  assert.is(await within('the rejection', rejected), reason);
});

test('an abort after an answer that the caller has not asked for is the outcome, though the page was sent', async () => {
  const controller = new AbortController();
  await using acceptor = await openAcceptor({ state: 'right', signal: controller.signal });
  await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
  const reason = new Error('changed my mind');
  controller.abort(reason);
  assert.is(await rejection(acceptor.accept()), reason);
  assert.is(getEventListeners(controller.signal, 'abort').length, 0);
});

test('a signal of another implementation, without the newer methods, ends the wait as well', async () => {
  const signal = Object.assign(new EventTarget(), { aborted: false, reason: undefined as unknown });
  await using acceptor = await openAcceptor({ state: 'right', signal: signal as AbortSignal });
  const rejected = rejection(acceptor.accept());
  signal.reason = new Error('changed my mind');
  signal.dispatchEvent(new Event('abort'));
  assert.is(await rejected, signal.reason as Error);
});

test('an abort or close() after accept() had the answer changes nothing', async () => {
  const controller = new AbortController();
  await using acceptor = await openAcceptor({ state: 'right', signal: controller.signal });
  const accepted = acceptor.accept();
  await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
  await within('the answer', accepted);
  controller.abort();
  await acceptor.close();
  assert.is((await within('a late call', acceptor.accept())).code, 'a');
});

test('a redemption that begins after accept() had the answer is ended by close() or an abort like any other', async () => {
  for (const end of ['close', 'abort'] as const) {
    const controller = new AbortController();
    await using acceptor = await openAcceptor({ state: 'right', signal: controller.signal });
    const accepted = acceptor.accept();
    await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
    await within('the answer', accepted);
    const rejected = rejection(acceptor.accept(() => new Promise(() => {})));
    if (end === 'close') await acceptor.close();
    else controller.abort();
    assert.is((await rejected)[end === 'close' ? 'code' : 'name'], end === 'close' ? 'ACCEPTOR_CLOSED' : 'AbortError');
  }
});

test('close() discards an answer that the caller has not asked for', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
  await acceptor.close();
  assert.is((await rejection(acceptor.accept())).code, 'ACCEPTOR_CLOSED');
});

for (const accept of ['accept()', 'accept(redeem)']) {
  test(`a signal keeps no listener when ${accept} has settled`, async () => {
    const { signal } = new AbortController();
    await using acceptor = await openAcceptor({ state: 'right', signal });
    assert.is(getEventListeners(signal, 'abort').length, 1);
    const accepted: Promise<unknown> = accept === 'accept()' ? acceptor.accept() : acceptor.accept(async () => 1);
    await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
    await within('the answer', accepted);
    assert.is(getEventListeners(signal, 'abort').length, 0);
  });
}

test('close() may be called twice, and disposal is a close() too', async () => {
  const acceptor = await openAcceptor({ state: 'right' });
  await within('both', Promise.all([acceptor.close(), acceptor.close()]));
  await within('a third', acceptor.close());
  await within('the disposal', acceptor[Symbol.asyncDispose]());
});

test('close() ends silent connections, incomplete requests and incomplete forms at once', async () => {
  const time = await least(200, 20, async () => {
    const acceptor = await openAcceptor({ state: 'right' });
    const rejected = rejection(acceptor.accept());
    const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ncode=';
    const sockets = [
      ...(await connectAll(acceptor.port, 20, '')),
      ...(await connectAll(acceptor.port, 20, 'GET / HTTP/1.1\r\nHost: loc')),
      ...(await connectAll(acceptor.port, 20, `POST / HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n${form}`)),
    ];
    const started = performance.now();
    await within('close()', acceptor.close());
    await within('the end of all connections', Promise.all(sockets.map(closed)));
    assert.is((await rejected).code, 'ACCEPTOR_CLOSED');
    return performance.now() - started;
  });
  assert.ok(time < 200, `${time} ms, though there was no page to read`);
});

test('close() does not wait for a connection that is kept alive', async () => {
  const agent = new http.Agent({ keepAlive: true });
  const time = await least(200, 20, async () => {
    const acceptor = await openAcceptor({ state: 'right' });
    await sendRequest(`${acceptor.redirectUri}/favicon.ico`, { agent });
    const started = performance.now();
    await within('close()', acceptor.close());
    return performance.now() - started;
  });
  agent.destroy();
  assert.ok(time < 200, `${time} ms`);
});

test('after the answer silent connections are closed at once, and the port is free', async () => {
  const time = await least(200, 20, async () => {
    await using acceptor = await openAcceptor({ state: 'right' });
    const silent = await connectAll(acceptor.port, 50, '');
    const accepted = acceptor.accept();
    const started = performance.now();
    await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
    await within('the answer', accepted);
    await within('the end of all connections', Promise.all(silent.map(closed)));
    await within('the port to be free', refused(acceptor.port));
    return performance.now() - started;
  });
  assert.ok(time < 200, `${time} ms`);
});

test.run();
