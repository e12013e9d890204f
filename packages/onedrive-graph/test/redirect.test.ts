import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClientError } from '../src/index.ts';
import { openPair, redirect, status, summary } from './odd-pair.ts';
import { rejection } from './within.ts';

test('a redirect that needs the stream again is not followed', async () => {
  await using pair = await openPair([redirect(307, () => '/there'), status(200)]);
  const body = new Blob(['hello']).stream();
  const error = await rejection(pair.client.request('/me', { method: 'PUT', body, duplex: 'half' }), GraphClientError);
  assert.is(error.code, 'RESPONSE');
  assert.is(pair.graph.requests.length, 1);
});

test('a redirect on the root’s origin keeps the token; 303 makes a POST a GET without a body and its type', async () => {
  await using pair = await openPair([redirect(303, () => '/there'), status(200)]);
  const init = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'x-mine': 'y' } };
  await pair.client.request('/me', init);
  assert.equal(pair.graph.requests.map(summary), ['POST 127.0.0.1 old {}', 'GET 127.0.0.1 old ']);
  const [, second] = pair.graph.requests;
  assert.is(second?.headers['content-type'], undefined);
  assert.is(second?.headers['x-mine'], 'y');
});

test('a redirect to another host goes without the token, and a 401 of that host does not ask for a new one', async () => {
  const asked: boolean[] = [];
  const getToken = async ({ forceRefresh }: { forceRefresh: boolean }): Promise<string> => {
    asked.push(forceRefresh);
    return 'old';
  };
  await using pair = await openPair([redirect(302, ({ elsewhere }) => `${elsewhere}/x`), status(401)], { getToken });
  assert.is((await pair.client.request('/me', { headers: { range: 'bytes=0-1' } })).status, 401);
  assert.equal(pair.graph.requests.map(summary), ['GET 127.0.0.1 old ', 'GET localhost no token ']);
  assert.is(pair.graph.requests[1]?.headers.range, 'bytes=0-1');
  assert.equal(asked, [false]);
});

test('a redirect to another host and back does not get the token again', async () => {
  await using pair = await openPair([
    redirect(302, ({ elsewhere }) => `${elsewhere}/x`),
    redirect(302, ({ origin }) => `${origin}/back`),
    status(401),
  ]);
  assert.is((await pair.client.request('/me')).status, 401);
  assert.equal(pair.graph.requests.map(summary), [
    'GET 127.0.0.1 old ',
    'GET localhost no token ',
    'GET 127.0.0.1 no token ',
  ]);
});

for (const [what, answer, init, says] of [
  ['of a POST to another host', redirect(307, ({ elsewhere }) => elsewhere), { method: 'POST' }, /another host/],
  ['to plain http', redirect(302, () => 'http://graph.example/'), {}, /http:\/\/graph\.example: it is not https/],
  ['to what is no URL', redirect(302, () => 'https://'), {}, /cannot be used/],
  ['with a password', redirect(302, () => 'https://ada:secret@graph.example/'), {}, /^(?!.*secret)/],
  ['in a circle', redirect(302, () => '/'), {}, /redirected more than 10 times/],
  ['that the caller refuses', redirect(302, () => '/'), { redirect: 'error' }, /allows none/],
] as const) {
  test(`a redirect ${what} is RESPONSE`, async () => {
    await using pair = await openPair([answer]);
    const error = await rejection(pair.client.request('/me', init), GraphClientError);
    assert.is(error.code, 'RESPONSE');
    assert.is(error.retryable, false);
    assert.match(error.message, says);
    assert.not(pair.graph.requests.some(({ headers }) => headers.host?.startsWith('localhost')));
  });
}

test('a redirect is returned if the caller wants to follow it himself', async () => {
  await using pair = await openPair([redirect(302, () => '/there')]);
  const response = await pair.client.request('/me', { redirect: 'manual' });
  assert.is(response.status, 302);
  assert.is(response.headers.get('location'), '/there');
});
test.run();
