import net from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AuthorizationResponse, openAcceptor } from '../src/index.ts';
import { answer, sendRequest } from './send-request.ts';

/** A redemption that ends when the test calls `resolve` or `reject`. */
function holdRedemption(): {
  redeem: (response: AuthorizationResponse) => Promise<string>;
  started: Promise<AuthorizationResponse>;
  resolve: (value: string) => void;
  reject: (reason: unknown) => void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const start = Promise.withResolvers<AuthorizationResponse>();
  return {
    redeem: (response) => {
      start.resolve(response);
      return promise;
    },
    started: start.promise,
    resolve,
    reject,
  };
}

test('the page waits for redeem, and tells of success only after redeem has resolved', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const { redeem, started, resolve } = holdRedemption();
  const redeemed = acceptor.accept(redeem);
  const page = answer(acceptor.redirectUri);
  assert.is((await within('redeem', started)).code, 'a');
  assert.is(await Promise.race([page, redeemed, delay(300, 'waiting')]), 'waiting');
  resolve('the token');
  assert.is(await within('the redemption', redeemed), 'the token');
  const { status, text } = await page;
  assert.is(status, 200);
  assert.match(text, '<h1>You are signed in</h1>');
  assert.not.match(text, 'class="reason"');
});

test('without redeem the page does not claim that the person is signed in', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const { text } = await answer(acceptor.redirectUri);
  await within('the answer', accepted);
  assert.match(text, '<h1>Sign-in continues in the program</h1>');
  assert.not.match(text, 'You are signed in');
});

test('the first redeem runs, once, and later ones share its result', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  let runs = 0;
  const first = acceptor.accept(async () => `first ${++runs}`);
  const second = acceptor.accept(async () => `second ${++runs}`);
  await answer(acceptor.redirectUri);
  assert.is(await within('the first', first), 'first 1');
  assert.is(await within('the second', second), 'first 1');
  assert.is(
    await within(
      'a late one',
      acceptor.accept(async () => `third ${++runs}`),
    ),
    'first 1',
  );
  assert.is(runs, 1);
});

test('accept() beside a redeem gives the response', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const plain = acceptor.accept();
  const redeemed = acceptor.accept(async ({ code }) => code.length);
  await answer(acceptor.redirectUri, 'abc');
  assert.is((await within('the response', plain)).code, 'abc');
  assert.is(await within('the redemption', redeemed), 3);
});

test('the page of an answer that comes shortly before accept(redeem) waits for that call', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const page = answer(acceptor.redirectUri);
  await delay(50);
  const rejected = rejection(acceptor.accept(() => Promise.reject(new Error('expired'))));
  assert.match((await page).text, 'expired');
  assert.is((await rejected).message, 'expired');
});

test('a client that has ended its side of the connection still gets its page after the redemption', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const redeemed = acceptor.accept(() => delay(100, 'the token'));
  const socket = net.connect({ port: acceptor.port, host: '127.0.0.1', allowHalfOpen: true });
  const page = text(socket);
  socket.end(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
  assert.is(await within('the redemption', redeemed), 'the token');
  assert.match(await within('the page', page), 'You are signed in');
});

test('a browser that closes its connection does not disturb the redemption', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const { redeem, started, resolve } = holdRedemption();
  const redeemed = acceptor.accept(redeem);
  const socket = net.connect(acceptor.port, '127.0.0.1');
  socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\n\r\n`);
  await within('redeem', started);
  const gone = new Promise((done) => socket.on('close', done));
  socket.resetAndDestroy();
  await within('the end of the browser', gone);
  assert.is(await Promise.race([redeemed, delay(50, 'waiting')]), 'waiting');
  resolve('the token');
  assert.is(await within('the redemption', redeemed), 'the token');
});

test('a page that is reloaded during the redemption is answered too, and the code is redeemed once', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const { redeem, started, resolve } = holdRedemption();
  let runs = 0;
  const redeemed = acceptor.accept((response) => {
    runs++;
    return redeem(response);
  });
  const pages = [answer(acceptor.redirectUri)];
  await within('redeem', started);
  pages.push(answer(acceptor.redirectUri));
  // Complete exchanges after the reload, so that the acceptor has read the reload by now.
  for (let request = 0; request < 5; request++) {
    assert.is((await sendRequest(`${acceptor.redirectUri}/favicon.ico`)).status, 404);
  }
  resolve('the token');
  assert.is(await within('the redemption', redeemed), 'the token');
  for (const { text } of await within('both pages', Promise.all(pages))) assert.match(text, 'You are signed in');
  assert.is(runs, 1);
});

test('stray requests during the redemption do not end it', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const { redeem, started, resolve } = holdRedemption();
  const redeemed = acceptor.accept(redeem);
  const page = answer(acceptor.redirectUri);
  await within('redeem', started);
  for (let request = 0; request < 3; request++) await sendRequest(`${acceptor.redirectUri}/favicon.ico`);
  resolve('the token');
  assert.is(await within('the redemption', redeemed), 'the token');
  assert.match((await page).text, 'You are signed in');
});

for (const ending of ['resolves', 'rejects'] as const) {
  test(`close() while redeem runs is ACCEPTOR_CLOSED at once, and nothing changes if redeem ${ending} later`, async () => {
    const acceptor = await openAcceptor({ state: 'right' });
    const { redeem, started, resolve, reject } = holdRedemption();
    const rejected = rejection(acceptor.accept(redeem));
    const page = answer(acceptor.redirectUri);
    await within('redeem', started);
    await within('close()', acceptor.close());
    assert.is((await rejected).code, 'ACCEPTOR_CLOSED');
    const { status, text } = await page;
    assert.is(status, 500);
    assert.match(text, 'ACCEPTOR_CLOSED');
    if (ending === 'resolves') resolve('the token');
    else reject(new Error('too late'));
    await delay(10);
    assert.is((await rejection(acceptor.accept(redeem))).code, 'ACCEPTOR_CLOSED');
    assert.is((await rejection(acceptor.accept())).code, 'ACCEPTOR_CLOSED');
  });

  test(`an abort while redeem runs rejects with its reason, and nothing changes if redeem ${ending} later`, async () => {
    const controller = new AbortController();
    await using acceptor = await openAcceptor({ state: 'right', signal: controller.signal });
    const { redeem, started, resolve, reject } = holdRedemption();
    const rejected = rejection(acceptor.accept(redeem));
    const page = answer(acceptor.redirectUri);
    await within('redeem', started);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    assert.is(await rejected, reason);
    assert.match((await page).text, 'changed my mind');
    if (ending === 'resolves') resolve('the token');
    else reject(new Error('too late'));
    await delay(10);
    assert.is(await rejection(acceptor.accept(redeem)), reason);
    assert.is(await rejection(acceptor.accept()), reason);
  });
}

test('it waits until the answer, not until the end of redeem, or until it is closed', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const { redeem, started, resolve } = holdRedemption();
  const redeemed = acceptor.accept(redeem);
  assert.ok(acceptor.isWaiting);
  const page = answer(acceptor.redirectUri);
  await within('redeem', started);
  assert.not(acceptor.isWaiting);
  resolve('the token');
  await Promise.all([redeemed, page]);
  const closed = await openAcceptor({ state: 'right' });
  await closed.close();
  assert.not(closed.isWaiting);
});

test('redeem does not run if the provider answered with an error', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  let runs = 0;
  const rejected = rejection(acceptor.accept(async () => ++runs));
  const { status, text } = await sendRequest(`${acceptor.redirectUri}/?error=access_denied&state=right`);
  assert.is((await rejected).code, 'AUTHORIZATION_ERROR');
  assert.is(runs, 0);
  assert.is(status, 200);
  assert.match(text, '<p class="reason">Reason: <code>access_denied</code></p>');
});

test.run();
