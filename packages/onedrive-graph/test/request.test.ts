import { getEventListeners } from 'node:events';
import { runInNewContext } from 'node:vm';
import { until } from 'testing-authority/until';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClientError, GraphError, readBody } from '../src/index.ts';
import { RequestSender } from '../src/request/request-sender.ts';
import { openPair, redirect, status, summary, watchBodies } from './odd-pair.ts';
import { rejection } from './rejection.ts';

test('a 401 is answered by one refresh, and the answer to the new token counts', async () => {
  const asked: boolean[] = [];
  // It may return the token itself, not only a promise.
  const getToken = ({ forceRefresh }: { forceRefresh: boolean }): string => {
    asked.push(forceRefresh);
    return forceRefresh ? 'new' : 'old';
  };
  await using pair = await openPair([status(401), status(200)], { getToken });
  assert.is((await pair.client.request('/me', { method: 'post', body: 'x' })).status, 200);
  assert.equal(asked, [false, true]);
  assert.equal(pair.graph.requests.map(summary), ['POST 127.0.0.1 old x', 'POST 127.0.0.1 new x']);
});

test('a second 401 is returned, after one refresh', async () => {
  await using pair = await openPair([status(401)]);
  const response = await pair.client.request('/me');
  assert.is(response.status, 401);
  assert.is(await response.text(), 'status 401');
  assert.is(pair.graph.requests.length, 2);
});

test('what getToken throws comes through unchanged, before and after a 401', async () => {
  const signIn = new Error('sign in first');
  for (const failsAt of [false, true]) {
    const getToken = ({ forceRefresh }: { forceRefresh: boolean }): string => {
      if (forceRefresh === failsAt) throw signIn;
      return 'old';
    };
    await using pair = await openPair([status(401)], { getToken });
    assert.is(await rejection(pair.client.request('/me'), Error), signIn);
    assert.is(pair.graph.requests.length, failsAt ? 1 : 0);
  }
});

test('the Authorization header is the client’s own, whatever the caller sets', async () => {
  await using pair = await openPair([redirect(302, ({ elsewhere }) => `${elsewhere}/`), status(200)]);
  await pair.client.request('/me', { headers: { authorization: 'Basic x', 'x-mine': 'y' } });
  assert.equal(pair.graph.requests.map(summary), ['GET 127.0.0.1 old ', 'GET localhost no token ']);
  assert.equal(
    pair.graph.requests.map(({ headers }) => headers['x-mine']),
    ['y', undefined],
  );
});

const inTwoSeconds = (): string => new Date(Date.now() + 2000).toUTCString();
const ofYesterday = { 'retry-after': 'Sat, 28 Nov 2026 12:00:01 GMT', date: 'Sat, 28 Nov 2026 12:00:00 GMT' };
for (const [what, headers, atLeast, atMost] of [
  ['seconds', () => ({ 'retry-after': '1' }), 1000, 1000],
  ['a date', () => ({ 'retry-after': inTwoSeconds() }), 1, 2000],
  ['a date by the clock of the server', () => ofYesterday, 1000, 1000],
  ['a date that has passed', () => ({ 'retry-after': new Date(0).toUTCString() }), 0, 0],
  ['nonsense', () => ({ 'retry-after': '2026-01-01' }), 500, 1000],
] as const) {
  test(`a Retry-After of ${what} is waited for, also by a POST`, async () => {
    await using pair = await openPair([(...args) => status(429, headers())(...args), status(201)]);
    const started = performance.now();
    assert.is((await pair.client.request('/me', { method: 'POST', body: '{}' })).status, 201);
    const [{ delay, ...wait } = { delay: Number.NaN }] = pair.waits;
    assert.equal(wait, { reason: 'Graph is busy (HTTP 429)', attempt: 1 });
    assert.ok(delay >= atLeast && delay <= atMost, `${delay} ms`);
    // Timers of Node may be early by a millisecond.
    assert.ok(performance.now() - started >= delay - 2);
  });
}

test('what Graph does not say is waited for longer each time: a half to one second, then the double of it', async () => {
  const told = new Error('told');
  const delays: number[] = [];
  const sender = new RequestSender({
    ...{ root: new URL('https://graph.example'), getToken: () => '', fetch: globalThis.fetch, idleTimeout: 1 },
    onWait({ delay }) {
      delays.push(delay);
      throw told;
    },
  });
  for (const attempt of [1, 2, 3, 4]) {
    delays.length = 0;
    for (let draw = 0; draw < 200; draw++)
      assert.is(await rejection(sender.wait({ attempt, reason: '' }, AbortSignal.any([])), Error), told);
    const [least, most] = [Math.min(...delays), Math.max(...delays)].map((delay) => delay / 2 ** (attempt - 1));
    // That no draw is in the upper or lower fifth has a probability of 10 ^ -19.
    assert.ok(least !== undefined && least >= 500 && least < 600, `${least} ms`);
    assert.ok(most !== undefined && most > 900 && most <= 1000, `${most} ms`);
  }
});

test('a Retry-After of 300 is waited for', async () => {
  const controller = new AbortController();
  await using pair = await openPair([status(503, { 'retry-after': '300' })]);
  const call = rejection(pair.client.request('/me', { signal: controller.signal }), DOMException);
  await until(() => pair.waits.length > 0);
  controller.abort();
  await call;
  assert.is(pair.waits[0]?.delay, 300_000);
});

test('an answer that the caller does not get is given back', async () => {
  const answers = [status(429, { 'retry-after': '0' }), status(401), redirect(302, () => '/there'), status(200)];
  const { fetch, used } = watchBodies();
  await using pair = await openPair(answers, { fetch });
  await pair.client.request('/me');
  assert.equal(used(), [true, true, true, false]);
});

for (const retryAfter of ['3600', '301', new Date(Date.now() + 3_600_000).toUTCString()]) {
  test(`a Retry-After of ${retryAfter} is too long: the response is returned at once`, async () => {
    await using pair = await openPair([status(503, { 'retry-after': retryAfter })]);
    assert.is((await within('the call', pair.client.request('/me'))).status, 503);
    assert.is(pair.graph.requests.length, 1);
    assert.equal(pair.waits, []);
  });
}

for (const retryAfter of ['9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT']) {
  test(`a Retry-After of ${retryAfter.slice(0, 16)}… is, for the caller, the longest wait of a timer`, async () => {
    const response = new Response('', { status: 503, headers: { 'retry-after': retryAfter } });
    assert.is((await GraphError.from(response)).retryAfter, 2 ** 31 - 1);
  });
}

test('a Graph that stays busy is asked 5 times, then its answer is returned', async () => {
  await using pair = await openPair([status(503, { 'retry-after': '0' })]);
  assert.is((await pair.client.request('/me')).status, 503);
  assert.is(pair.graph.requests.length, 5);
  assert.equal(pair.attempts(), [1, 2, 3, 4]);
});

for (const [method, code, requests] of [
  ['GET', 502, 2],
  ['HEAD', 504, 2],
  ['POST', 502, 1],
  ['PATCH', 504, 1],
  ['GET', 500, 1],
  ['GET', 404, 1],
] as const) {
  test(`${method} is sent ${requests === 1 ? 'once' : 'again'} after ${code}`, async () => {
    await using pair = await openPair([status(code, { 'retry-after': '0' }), status(200)]);
    assert.is((await pair.client.request('/me', { method })).status, requests === 1 ? code : 200);
    assert.is(pair.graph.requests.length, requests);
  });
}

for (const [what, body] of [
  ['text', 'hello'],
  ['bytes', new TextEncoder().encode('hello')],
  ['an ArrayBuffer', new TextEncoder().encode('hello').buffer],
  ['a Blob', new Blob(['hello'])],
] as const) {
  test(`a body of ${what} is sent again after 429, 401 and 307`, async () => {
    const answers = [status(429, { 'retry-after': '0' }), status(401), redirect(307, () => '/there'), status(200)];
    await using pair = await openPair(answers);
    assert.is((await pair.client.request('/me', { method: 'PUT', body })).status, 200);
    assert.equal(
      pair.graph.requests.map((request) => request.body),
      ['hello', 'hello', 'hello', 'hello'],
    );
  });
}

for (const code of [429, 401]) {
  test(`a body that is a stream is sent once: ${code} is returned`, async () => {
    await using pair = await openPair([status(code, { 'retry-after': '0' }), status(200)]);
    const body = new Blob(['hello']).stream();
    const response = await pair.client.request('/me', { method: 'PUT', body, duplex: 'half' });
    assert.is(response.status, code);
    assert.equal(pair.graph.requests.map(summary), ['PUT 127.0.0.1 old hello']);
  });
}

test('a server that cannot be reached is CONNECTION, retryable, with what fetch threw as its cause', async () => {
  const pair = await openPair([status(200)]);
  await pair[Symbol.asyncDispose]();
  const error = await rejection(pair.client.request('/secret?a=secret'), GraphClientError);
  assert.equal([error.name, error.code, error.retryable], ['GraphClientError', 'CONNECTION', true]);
  assert.match(error.message, /^the connection to 127\.0\.0\.1:\d+ failed \(ECONNREFUSED\)$/);
  assert.instance(error.cause, TypeError);
});

test('a `fetch` may say that later does not help', async () => {
  const wrong = Object.assign(new Error('wrong certificate'), { retryable: false });
  await using pair = await openPair([status(200)], { fetch: () => Promise.reject(wrong) });
  const error = await rejection(pair.client.request('/me'), GraphClientError);
  assert.equal([error.code, error.retryable], ['CONNECTION', false]);
  assert.match(error.message, /^the connection to 127\.0\.0\.1:\d+ failed$/);
});

test('a request that fetch cannot send is not a failure of the connection', async () => {
  await using pair = await openPair([status(200)]);
  const error = await rejection(pair.client.request('/me', { method: 'TRACE' }), TypeError);
  assert.match(error.message, /TRACE/);
  assert.is(pair.graph.requests.length, 0);
});

test('an error of another realm, as those of fetch are under Jest, is what it is', async () => {
  const foreign = (code: string): Error => runInNewContext(code);
  const wrong = foreign("new TypeError('wrong method')");
  await using first = await openPair([status(200)], { fetch: () => Promise.reject(wrong) });
  assert.is(await first.client.request('/me').catch((error: unknown) => error), wrong);
  const broken = foreign("new TypeError('x', { cause: Object.assign(new Error('y'), { code: 'ECONNRESET' }) })");
  await using second = await openPair([status(200)], { fetch: () => Promise.reject(broken) });
  assert.match((await rejection(second.client.request('/me'), GraphClientError)).message, '(ECONNRESET)');
});

for (const whose of ['client', 'runtime'] as const) {
  test(`readBody gives CONNECTION if the connection breaks before the end, of a response of the ${whose}`, async () => {
    await using pair = await openPair([
      (_request, response) => {
        response.writeHead(200, { 'content-length': 50 });
        response.write('begun', () => setImmediate(() => response.destroy()));
      },
    ]);
    const response = await (whose === 'client' ? pair.client.request('/me') : globalThis.fetch(pair.graph.origin));
    const chunks: string[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of readBody(response)) chunks.push(Buffer.from(chunk).toString());
    };
    const error = await rejection(read(), GraphClientError);
    assert.is(error.code, 'CONNECTION');
    assert.match(error.message, new URL(pair.graph.origin).host);
    assert.equal(chunks, ['begun']);
  });
}

test('who reads a body no further gives its connection back, and a signal keeps no listener', async () => {
  const gone = Promise.withResolvers<void>();
  await using pair = await openPair([
    (_request, response) => {
      response.writeHead(200).write('begun');
      response.on('close', gone.resolve);
    },
  ]);
  const { signal } = new AbortController();
  for await (const chunk of readBody(await pair.client.request('/me', { signal }), signal)) {
    assert.is(Buffer.from(chunk).toString(), 'begun');
    break;
  }
  await within('the call', gone.promise);
  assert.equal(getEventListeners(signal, 'abort'), []);
});

const reason = new Error('the user has had enough');

test('an abort of the client’s signal in a wait rejects with its reason', async () => {
  const controller = new AbortController();
  await using pair = await openPair([status(429, { 'retry-after': '100' })], { signal: controller.signal });
  // It counts beside a signal of the request.
  const own = { signal: new AbortController().signal };
  const calls = [{}, own].map((init) => rejection(pair.client.request('/me', init), Error));
  await until(() => pair.waits.length === calls.length);
  controller.abort(reason);
  for (const call of calls) assert.is(await call, reason);
});

test('an abort of the request’s signal while the body comes rejects with its reason', async () => {
  const controller = new AbortController();
  await using pair = await openPair([(_request, response) => void response.writeHead(200).write('{')]);
  const call = rejection(pair.client.json('/me', { signal: controller.signal }), Error);
  setTimeout(() => controller.abort(reason), 100);
  assert.is(await call, reason);
});

test('what onWait throws ends the call', async () => {
  const wrong = new Error('no wait');
  const onWait = (): never => {
    throw wrong;
  };
  await using pair = await openPair([status(429)], { onWait });
  assert.is(await rejection(pair.client.request('/me'), Error), wrong);
});

test.run();
