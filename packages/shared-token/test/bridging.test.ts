import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { TokenEndpointError } from './rotating-provider.ts';
import { type Scene, test } from './scene.ts';

/** The stored token is valid for another minute, which is within expirySkew. */
async function expiringSoon(scene: Scene): Promise<string> {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  return scene.record.accessToken ?? '';
}

test('a forced refresh is not bridged', async (scene) => {
  await expiringSoon(scene);
  const failure = new TypeError('fetch failed');
  scene.provider.failures.push(failure);
  assert.is(await rejection(scene.open().getToken({ forceRefresh: true })), failure);
  assert.ok(scene.events.some((event) => event.type === 'refresh-failed' && !event.bridged));
});

test('a token that an API has rejected is no bridge, although the store did not take the mark', async (scene) => {
  await scene.signedIn({ expiresAt: undefined });
  scene.store.refuse = ({ refusedAt }) => (refusedAt ? new Error('the disk failed') : undefined);
  const shared = scene.open();
  await shared.getToken();
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  assert.is((await rejection(shared.getToken())).reason, 'refused');
});

test('a token is used on if refresh needs another SharedToken, and that one a sign-in', async (scene) => {
  const stored = await expiringSoon(scene);
  const other = scene.open({ name: 'another one' });
  const shared = scene.open({ refresh: async () => ({ access_token: (await other.getToken()).accessToken }) });
  assert.is((await shared.getToken()).accessToken, stored);
  assert.equal((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'not-signed-in');
  assert.is(scene.count('refresh-failed'), 2);
});

test('a call that needs more than the one that it joins is not bridged with less', async (scene) => {
  const stored = await expiringSoon(scene);
  const needsMore = new AsyncLocalStorage<boolean>();
  const failure = new TypeError('fetch failed');
  const answer = Promise.withResolvers<never>();
  const shared = scene.open({ accepts: () => !needsMore.getStore(), refresh: () => answer.promise });
  const first = shared.getToken();
  const more = rejection(needsMore.run(true, () => shared.getToken()));
  answer.reject(failure);
  assert.is((await first).accessToken, stored);
  assert.is(await more, failure);
});

test('a refused refresh token is not bridged', async (scene) => {
  await expiringSoon(scene);
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  assert.is((await rejection(scene.open().getToken())).code, 'SIGN_IN_REQUIRED');
});

test('a token that is still valid bridges a refresh that failed, and the next call tries again', async (scene) => {
  const stored = await expiringSoon(scene);
  scene.provider.failures.push(new TypeError('fetch failed'));
  const shared = scene.open();
  assert.is((await shared.getToken()).accessToken, stored);
  assert.ok(scene.events.some((event) => event.type === 'refresh-failed' && event.bridged));
  assert.is.not((await shared.getToken()).accessToken, stored);
});

test('an unforced call that joins a forced one is bridged, and only the forced one rejects', async (scene) => {
  const stored = await expiringSoon(scene);
  scene.provider.failures.push(new TypeError('fetch failed'));
  const shared = scene.open();
  const forced = rejection(shared.getToken({ forceRefresh: true }));
  assert.is((await shared.getToken()).accessToken, stored);
  assert.is((await forced).message, 'fetch failed');
});

test('the bridge lasts as long as retryAfter of the error asks for', async (scene) => {
  const stored = await expiringSoon(scene);
  scene.provider.failures.push(new TokenEndpointError('slow_down', 300));
  const shared = scene.open();
  await shared.getToken();
  assert.is((await shared.getToken()).accessToken, stored);
  assert.is((await shared.getToken({ minValid: 120_000 })).accessToken, stored);
  assert.is(scene.provider.refreshes, 1, 'the provider is left alone');
  await sleep(320);
  assert.is.not((await shared.getToken()).accessToken, stored);
});

test('a bridge is of one token: the next one is refreshed in time', async (scene) => {
  await expiringSoon(scene);
  scene.provider.failures.push(new TokenEndpointError('temporarily_unavailable', 60_000));
  const shared = scene.open({ expirySkew: 100_000 });
  await shared.getToken();
  await scene.signedIn({ expiresAt: Date.now() + 200_000 });
  const { accessToken } = await shared.getToken({ forceRefresh: true });
  assert.is(scene.provider.refreshes, 1, 'it is that of another process');
  assert.is.not((await shared.getToken({ minValid: 300_000 })).accessToken, accessToken);
});

test('a bridge ends when the token does, whatever retryAfter says', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 200 });
  const stored = scene.record.accessToken;
  scene.provider.failures.push(new TokenEndpointError('slow_down', 60_000));
  const shared = scene.open();
  assert.is((await shared.getToken()).accessToken, stored);
  await sleep(220);
  assert.is.not((await shared.getToken()).accessToken, stored);
});

test('a refresh that failed slowly is not tried again for as long as it took', async (scene) => {
  const stored = await expiringSoon(scene);
  let refreshes = 0;
  const shared = scene.open({
    async refresh() {
      refreshes++;
      await sleep(1_100);
      throw new TypeError('fetch failed');
    },
  });
  assert.is((await shared.getToken()).accessToken, stored);
  assert.is((await shared.getToken()).accessToken, stored);
  assert.is(refreshes, 1);
});

test('nor is it while its retryAfter is longer', async (scene) => {
  const stored = await expiringSoon(scene);
  scene.provider.failures.push(new TokenEndpointError('slow_down', 30_000));
  const clock = performance.now;
  const pass = (milliseconds: number): void => {
    performance.now = () => clock.call(performance) + milliseconds;
  };
  const shared = scene.open({
    refresh(record) {
      pass(1_100);
      return scene.provider.refresh(record);
    },
  });
  try {
    await shared.getToken();
    pass(10_000);
    assert.is((await shared.getToken()).accessToken, stored);
    assert.is(scene.provider.refreshes, 1);
  } finally {
    performance.now = clock;
  }
});

test('a store that cannot be read any more is bridged by the token in memory', async (scene) => {
  const stored = await expiringSoon(scene);
  const shared = scene.open({ expirySkew: 0 });
  await shared.getToken();
  scene.store.get = () => Promise.reject(new Error('the disk is gone'));
  assert.is((await shared.getToken()).accessToken, stored);
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).code, 'STORE');
});

test.run();
