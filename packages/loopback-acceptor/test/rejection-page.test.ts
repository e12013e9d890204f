import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAcceptor } from '../src/index.ts';
import { answer, sendRequest } from './send-request.ts';

test('if redeem rejects, accept() rejects with the same reason, and the page shows it', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const reason = Object.assign(new Error('No route to <b>provider</b>'), { code: 'EHOSTUNREACH' });
  const rejected = rejection(acceptor.accept(() => Promise.reject(reason)));
  const { status, text } = await answer(acceptor.redirectUri);
  assert.is(await rejected, reason);
  assert.is(status, 500);
  assert.match(text, '<h1>You are not signed in</h1>');
  assert.match(text, '<code>EHOSTUNREACH</code>');
  assert.match(text, 'No route to &lt;b&gt;provider&lt;/b&gt;');
  assert.not.match(text, 'at ');
});

test('a redeem that throws is like one that rejects', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const rejected = rejection(
    acceptor.accept(() => {
      throw new RangeError('thrown');
    }),
  );
  const { text } = await answer(acceptor.redirectUri);
  assert.is((await rejected).message, 'thrown');
  assert.match(text, '<code>RangeError</code>');
});

test('a rejection with something other than an Error makes a page without details', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const rejected = rejection(acceptor.accept(() => Promise.reject('secret text')));
  const { text } = await answer(acceptor.redirectUri);
  assert.is(await rejected, 'secret text' as never);
  assert.match(text, '<h1>You are not signed in</h1>');
  assert.not.match(text, 'secret text');
});

for (const [what, odd] of [
  ['message', { message: 5 }],
  ['message missing', { message: undefined }],
  ['name', { name: {} }],
  ['code', { code: 404 }],
] as const) {
  test(`a rejection whose ${what} is not a text still makes a page`, async () => {
    await using acceptor = await openAcceptor({ state: 'right' });
    const reason = Object.assign(new Error('secret text'), odd);
    const rejected = rejection(acceptor.accept(() => Promise.reject(reason)));
    const { status, text } = await answer(acceptor.redirectUri);
    assert.is(await rejected, reason);
    assert.is(status, 500);
    assert.match(text, '<code>Error</code>');
  });
}

test('the page shows the reason without the code and the state', async () => {
  await using acceptor = await openAcceptor({ state: 'state/which+is=secret' });
  const rejected = rejection(
    acceptor.accept(({ code, params }) => {
      throw new Error(`POST /token?code=${encodeURIComponent(code)} (${code}, ${params.get('state')}) failed`);
    }),
  );
  const query = new URLSearchParams({ code: 'M.C5/4+s', state: 'state/which+is=secret' });
  const { text } = await sendRequest(`${acceptor.redirectUri}/?${query}`);
  await rejected;
  assert.match(text, 'POST /token?code=… (…, …) failed');
});

test.run();
