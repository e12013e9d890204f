import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClientError, GraphError } from '../src/index.ts';
import { openPair, redirect, status, summary } from './odd-pair.ts';
import { rejection } from './rejection.ts';

test('a redirect that needs the stream again is not followed', async () => {
  await using pair = await openPair([redirect(307, () => '/there'), status(200)]);
  const body = new Blob(['hello']).stream();
  const error = await rejection(pair.client.request('/me', { method: 'PUT', body, duplex: 'half' }), GraphClientError);
  assert.is(error.code, 'RESPONSE');
  assert.is(pair.graph.requests.length, 1);
});

test('a redirect on the root’s origin keeps the token; 303 makes a POST a GET without a body and what describes it', async () => {
  const given: Headers[] = [];
  await using pair = await openPair([redirect(303, () => '/there'), status(200)], {
    fetch(url, init) {
      given.push(new Headers(init.headers));
      return globalThis.fetch(url, init);
    },
  });
  const ofBody = {
    'content-type': 'application/json',
    'content-encoding': 'identity',
    'content-language': 'en',
    'content-location': '/x',
    'content-length': '2',
  };
  await pair.client.request('/me', { method: 'POST', body: '{}', headers: ofBody });
  assert.equal(pair.graph.requests.map(summary), ['POST 127.0.0.1 old {}', 'GET 127.0.0.1 old ']);
  for (const name of Object.keys(ofBody)) assert.is(given[1]?.get(name), null, name);
});

for (const [code, method, next] of [
  [301, 'POST', 'GET'],
  [302, 'POST', 'GET'],
  [302, 'PUT', 'PUT'],
  [303, 'PUT', 'GET'],
  [303, 'HEAD', 'HEAD'],
  [307, 'POST', 'POST'],
  [308, 'POST', 'POST'],
] as const) {
  test(`after ${code}, ${method} becomes ${next}`, async () => {
    await using pair = await openPair([redirect(code, () => '/there'), status(200)]);
    await pair.client.request('/me', { method });
    assert.equal(pair.methods(), [method, next]);
  });
}

test('another host sees what is asked for, by GET and HEAD, and not who asks', async () => {
  const kept = { accept: 'a/b', 'accept-encoding': 'br', range: 'bytes=0-1', 'if-range': '"v1"', 'user-agent': 'me' };
  for (const method of ['GET', 'HEAD']) {
    await using pair = await openPair([redirect(302, ({ elsewhere }) => `${elsewhere}/x`), status(200)]);
    await pair.client.request('/me', { method, headers: { ...kept, cookie: 'a=b' } });
    const [, second] = pair.graph.requests;
    // Node's fetch adds a second accept-encoding to a request for a range.
    for (const [name, value] of Object.entries(kept)) assert.match(String(second?.headers[name]), value, name);
    assert.is(second?.headers.cookie, undefined);
  }
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

test('an error says whether what refused had got the token', async () => {
  await using pair = await openPair([
    status(401),
    status(401),
    redirect(302, ({ elsewhere }) => elsewhere),
    status(401),
  ]);
  const outcomes = [
    await rejection(pair.client.json('/me'), GraphError),
    await rejection(pair.client.json('/me'), GraphError),
  ];
  assert.equal(
    outcomes.map(({ hadToken }) => hadToken),
    [true, false],
  );
  assert.is((await GraphError.from(new Response('', { status: 401 }))).hadToken, undefined);
});

test('a redirect to another host and back, and on from there, does not get the token again', async () => {
  await using pair = await openPair([
    redirect(302, ({ elsewhere }) => `${elsewhere}/x`),
    redirect(302, ({ origin }) => `${origin}/back`),
    // The further request is another one than after 302.
    redirect(303, () => '/further'),
    status(401),
  ]);
  assert.is((await pair.client.request('/me')).status, 401);
  assert.equal(pair.graph.requests.map(summary), [
    'GET 127.0.0.1 old ',
    'GET localhost no token ',
    'GET 127.0.0.1 no token ',
    'GET 127.0.0.1 no token ',
  ]);
});

test('one call asks for a new token at most once, whatever answers come by turns', async () => {
  const asked: boolean[] = [];
  const getToken = async ({ forceRefresh }: { forceRefresh: boolean }): Promise<string> => {
    asked.push(forceRefresh);
    return 'token';
  };
  const there = redirect(307, () => '/there');
  await using pair = await openPair([status(401), there, status(401), there, status(401)], { getToken });
  assert.is((await pair.client.request('/me')).status, 401);
  assert.equal(asked.filter(Boolean), [true]);
});

for (const [what, answer, init, says] of [
  ['of a POST to another host', redirect(307, ({ elsewhere }) => elsewhere), { method: 'POST' }, /another host/],
  ['to plain http', redirect(302, () => 'http://graph.example/'), {}, / to http:\/\/graph\.example: it is not https/],
  ['with a user name', redirect(302, () => 'https://ada@graph.example/'), {}, /cannot be used/],
  ['to what is no URL', redirect(302, () => 'https://'), {}, /cannot be used/],
  ['with a password', redirect(302, () => 'https://ada:secret@graph.example/'), {}, /^(?!.*secret)/],
  ['in a circle', redirect(302, () => '/'), {}, /redirected more than 10 times/],
  [
    'that the caller refuses',
    redirect(302, () => '/'),
    { redirect: 'error' },
    /^not following a redirect: init\.redirect is 'error'$/,
  ],
] as const) {
  test(`a redirect ${what} is RESPONSE`, async () => {
    await using pair = await openPair([answer]);
    const error = await rejection(pair.client.request('/me', init), GraphClientError);
    assert.is(error.code, 'RESPONSE');
    assert.is(error.retryable, false);
    assert.match(error.message, says);
    assert.is(pair.graph.requests.length, what === 'in a circle' ? 11 : 1);
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
