import { freePort } from 'testing-authority';
import { until } from 'testing-authority/until';
import { openTokenStore } from 'token-store-sqlite';
import { Agent, buildConnector, type Dispatcher, errors } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TokenEvent } from '../src/index.ts';
import { openScene, rejection, type Scene } from './scene.ts';

test('a request that the provider throttles is sent again', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
  scene.authority.fail('token', { type: 'status', status: 429, retryAfter: '1' });
  await scene.handler({ interactive: false }).getToken();
  assert.equal(scene.events.filter(({ type }) => type === 'retry').length, 1);
});

test('a request is not repeated if the provider asks for a longer wait than is left', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
  scene.authority.fail('token', { type: 'status', status: 503, retryAfter: '3' }, { times: 9 });
  const error = await rejection(scene.handler({ interactive: false, requestTimeout: 5_000 }).getToken());
  assert.equal([error.code, error.retryAfter], ['THROTTLED', 3_000]);
  assert.match(error.message, / asks to wait \(HTTP 503\)\. Try again in 3 s$/);
  assert.is(scene.events.filter(({ type }) => type === 'retry').length, 1, 'the first time, it was not');
});

test('a process that was busy beyond requestTimeout does not try again', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
  scene.authority.fail('token', { type: 'status', status: 503, retryAfter: '0' });
  const onEvent = ({ type }: TokenEvent): void => {
    for (const end = performance.now() + 1_500; type === 'retry' && performance.now() < end; );
  };
  const handler = scene.handler({ interactive: false, requestTimeout: 1_500, onEvent });
  assert.is((await rejection(handler.getToken())).code, 'SERVER');
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test('the exchange of a code ends after requestTimeout', async () => {
  await using scene = await openScene();
  scene.authority.fail('token', { type: 'hang' });
  const { code, problem } = await rejection(scene.handler({ requestTimeout: 300 }).getToken());
  assert.is(code, 'NETWORK');
  assert.match(problem, / 0\.3 s$/);
});

test('an outage that has the ids of Microsoft passes them on', async () => {
  await using scene = await openScene();
  const body = JSON.stringify({ error: 'temporarily_unavailable', error_description: 'why', trace_id: 'trace' });
  scene.authority.fail('token', { type: 'status', status: 503, body });
  const error = await rejection(scene.handler().getToken());
  assert.equal([error.error, error.traceId, error.errorDescription], ['temporarily_unavailable', 'trace', undefined]);
});

test('a code is not sent twice, whatever the provider answers', async () => {
  await using scene = await openScene();
  scene.authority.fail('token', { type: 'status', status: 503 }, { times: 9 });
  assert.is((await rejection(scene.handler().getToken())).code, 'SERVER');
  assert.is(scene.authority.count('token', 'authorization_code'), 1);
});

const unreachable = (syscall: string): Error =>
  Object.assign(new Error(`${syscall} EHOSTUNREACH 127.0.0.1`), { code: 'EHOSTUNREACH', syscall });

test('an unreachable provider is tried three times, then the error is NETWORK', async () => {
  await using scene = await openScene();
  using store = openTokenStore(scene.dbFilepath);
  const attempt = async (authority: string, dispatcher?: Dispatcher): Promise<void> => {
    store.set(authority, { refreshToken: 'x' });
    const handler = scene.handler({ appName: authority, authority, dispatcher });
    const error = await rejection(handler.getToken());
    assert.is(error.code, 'NETWORK');
    assert.ok(error.retryable);
    assert.match(error.message, new URL(authority).host);
    assert.equal(store.get(authority), { refreshToken: 'x' });
  };
  let connections = 0;
  const failing = (error: Error): Agent =>
    new Agent({
      connect: (_options, callback) => {
        connections++;
        callback(error, null);
      },
    });
  const noRoute = failing(unreachable('connect'));
  // The error of Node after it has tried several addresses of one name.
  const noRoutes = failing(new AggregateError([unreachable('connect'), unreachable('connect')]));
  const tooSlow = failing(new errors.ConnectTimeoutError());
  await Promise.all([
    attempt(`http://127.0.0.1:${await freePort()}/consumers`),
    attempt('https://no-such-host.invalid/consumers'),
    attempt('http://127.0.0.2/consumers', noRoute),
    attempt('http://localhost/consumers', noRoutes),
    attempt('http://127.0.0.3/consumers', tooSlow),
  ]);
  assert.is(connections, 9);
  assert.is(scene.windows.length, 0, 'no browser');
  const retries = scene.events.filter((event) => event.type === 'retry');
  assert.is(retries.length, 10);
  for (const { attempt, delay } of retries)
    assert.ok(delay >= 500 * attempt && delay <= 500 * attempt + 250, `${delay}`);
  assert.ok(
    new Set(retries.map(({ delay }) => delay)).size > 2,
    'processes that fail together do not come back together',
  );
});

for (const grantType of ['refresh_token', 'authorization_code']) {
  test(`a request with a ${grantType} is not repeated if its connection fails after it was sent, whatever the error of the system is`, async () => {
    await using scene = await openScene();
    const handler = scene.handler({ dispatcher: cutOnceSent(scene, unreachable('read')) });
    if (grantType === 'refresh_token') {
      await scene.signedIn();
      await handler.getToken();
    }
    scene.authority.fail('token', { type: 'hang' }, { times: 9 });
    const error = await rejection(handler.getToken({ forceRefresh: true }));
    assert.is(error.code, 'NETWORK');
    assert.match(error.message, 'EHOSTUNREACH');
    assert.is(scene.authority.count('token', grantType), 1);
    assert.not(scene.events.some(({ type }) => type === 'retry'));
  });
}

test('a Retry-After that is neither seconds nor a date is ignored: the next attempt does not come sooner', async () => {
  const measure = async (retryAfter: string): Promise<void> => {
    await using scene = await openScene({ accessTokenTtl: 1 });
    await scene.signedInBefore();
    scene.authority.fail('token', { type: 'status', status: 429, retryAfter }, { times: 9 });
    const error = await rejection(scene.handler({ interactive: false, requestTimeout: 1_300 }).getToken());
    assert.is(error.code, 'THROTTLED');
    assert.is(error.retryAfter, undefined);
    assert.not.match(error.message, /NaN|undefined/);
    const [first, second, ...more] = scene.authority.requests.filter(({ grantType }) => grantType === 'refresh_token');
    assert.ok(first && second && second.at - first.at >= 490, `${retryAfter}: ${first?.at} ${second?.at}`);
    assert.is(more.length, 0, 'no time for a third one');
  };
  await Promise.all(['-5', '1.5', 'soon 3'].map(measure));
});

/** Breaks each connection with this error as soon as the provider has got a request for a token over it. */
function cutOnceSent({ authority }: Scene, error: Error): Dispatcher {
  const connect = buildConnector({});
  return new Agent({
    connect: (options, callback) => {
      const before = authority.count('token');
      connect(options, (...[failed, socket]) => {
        if (socket) void until(() => authority.count('token') > before).then(() => socket.destroy(error));
        if (failed) callback(failed, null);
        else callback(null, socket);
      });
    },
  });
}

test.run();
