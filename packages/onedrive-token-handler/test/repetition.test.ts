import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene, rejection } from './scene.ts';

test('a busy provider that recovers is asked again', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  await scene.signedIn();
  scene.authority.fail('token', { type: 'status', status: 429, retryAfter: '1' });
  await scene.handler({ interactive: false }).getToken();
  assert.equal(scene.events.filter(({ type }) => type === 'retry').length, 1);
});

test('an unreachable provider is tried three times, then NETWORK', async () => {
  await using scene = await openScene({ accessTokenTtl: 1 });
  await scene.signedIn();
  const { openTokenStore } = await import('token-store-sqlite');
  using store = openTokenStore(scene.dbFilepath);
  const record = store.get('my-app');
  assert.ok(record);
  for (const authority of [
    `http://127.0.0.1:${await closedPort()}/consumers`,
    'https://no-such-host.invalid/consumers',
  ]) {
    store.set('my-app', { ...record, authority, expiresAt: 1 });
    const error = await rejection(scene.handler({ authority, interactive: false }).getToken());
    assert.is(error.code, 'NETWORK');
    assert.ok(error.retryable);
    assert.match(error.message, new URL(authority).host);
  }
  const retries = scene.events.filter(({ type }) => type === 'retry');
  assert.is(retries.length, 4);
});

test('a response that was lost after the token was issued is not asked for again', async () => {
  await using scene = await openScene({ accessTokenTtl: 1 });
  await scene.signedIn();
  await scene.tokenExpires();
  scene.authority.fail('token', { type: 'drop', when: 'after' });
  const error = await rejection(scene.handler({ interactive: false }).getToken());
  assert.is(error.code, 'NETWORK');
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test('a code is not sent twice, whatever the provider answers', async () => {
  await using scene = await openScene();
  scene.authority.fail('token', { type: 'status', status: 503 }, { times: 9 });
  assert.is((await rejection(scene.handler().getToken())).code, 'SERVER');
  assert.is(scene.authority.count('token', 'authorization_code'), 1);
});

async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test.run();
