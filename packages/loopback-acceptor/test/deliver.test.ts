import type { Socket } from 'node:net';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AuthorizationError, openAcceptor, RedirectUrlError } from '../src/index.ts';
import { closed, connectAll, refused } from './raw-sockets.ts';
import { answer, sendRequest } from './send-request.ts';

const state = 'right';
const issuer = 'https://provider.example';

test('a delivered address is the answer, and its sockets go as after any answer', async () => {
  await using acceptor = await openAcceptor({ state, path: '/callback' });
  const accepted = acceptor.accept();
  const [idle] = await connectAll(acceptor.port, 1, 'G');
  acceptor.deliver(`${acceptor.redirectUri}?code=the-code&state=${state}&session_state=1`);
  const { code, params } = await within('the answer', accepted);
  assert.is(code, 'the-code');
  assert.is(params.get('session_state'), '1');
  await within('the end of an idle socket', closed(idle as Socket));
  await refused(acceptor.port);
});

test('an address that is delivered before accept() is kept', async () => {
  await using acceptor = await openAcceptor({ state });
  acceptor.deliver(`code=a&state=${state}`);
  assert.is((await within('the answer', acceptor.accept())).code, 'a');
});

test("the provider's error in a delivered address is the outcome", async () => {
  await using acceptor = await openAcceptor({ state });
  const failed = rejection(acceptor.accept());
  acceptor.deliver(`${acceptor.redirectUri}/?error=access_denied&error_description=No&state=${state}`);
  const error = await failed;
  assert.instance(error, AuthorizationError);
  assert.is((error as AuthorizationError).errorDescription, 'No');
});

test('a text that is not the answer is refused with its reason, and the wait goes on', async () => {
  await using acceptor = await openAcceptor({ state, issuer, maxStrayRequests: 0 });
  const accepted = acceptor.accept();
  for (const [text, reason] of [
    [`https://other.example/?code=a&state=${state}`, 'other-page'],
    ['?code=a&state=wrong', 'wrong-state'],
    [`?code=a&state=${state}`, 'wrong-issuer'],
  ] as const) {
    assert.throws(
      () => acceptor.deliver(text),
      (error: unknown) => error instanceof RedirectUrlError && error.reason === reason,
      text,
    );
  }
  assert.throws(() => acceptor.deliver(5 as never), TypeError);
  const { status } = await sendRequest(`${acceptor.redirectUri}/?code=b&state=${state}&iss=${issuer}`);
  assert.is(status, 200);
  assert.is((await within('the answer', accepted)).code, 'b');
});

test('after the answer or the end of the wait, deliver() does nothing', async () => {
  await using acceptor = await openAcceptor({ state });
  const accepted = acceptor.accept();
  await answer(acceptor.redirectUri, 'a');
  acceptor.deliver(`code=b&state=${state}`);
  acceptor.deliver('nonsense');
  assert.is((await accepted).code, 'a');
  const ended = await openAcceptor({ state });
  await ended.close();
  ended.deliver(`code=b&state=${state}`);
  assert.is((await rejection(ended.accept())).code, 'ACCEPTOR_CLOSED');
});

test.run();
