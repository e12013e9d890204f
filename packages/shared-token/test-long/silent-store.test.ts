// Takes about 30 s.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SharedTokenOptions } from '../src/index.ts';
import { openScene } from '../test/scene.ts';
import { rejection } from '../test/within.ts';

// A store that never answers, as over a connection that swallows everything.

test('getToken() ends within refreshTimeout and 15 s, whichever method of the store never answers', async () => {
  const ends = (['get', 'replace', 'exclusively'] as const).map(async (method) => {
    await using scene = openScene();
    await scene.signedIn();
    scene.store[method] = () => new Promise<never>(() => {});
    const started = performance.now();
    const { code, retryable } = await rejection(scene.open({ refreshTimeout: 200 }).getToken(), 20_000);
    assert.equal([code, retryable], ['STORE', true]);
    assert.ok(performance.now() - started < 15_200);
  });
  await Promise.all(ends);
});

test('a token that is still valid is given out after that time, if the store only gives no lock', async () => {
  await using scene = openScene();
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  scene.store.exclusively = () => new Promise<never>(() => {});
  const started = performance.now();
  const { accessToken } = await scene.open({ refreshTimeout: 200 }).getToken();
  assert.is(accessToken, scene.record.accessToken);
  assert.ok(performance.now() - started < 15_200);
});

test('a new token that the store does not take is given out after 10 seconds, and an event says so', async () => {
  await using scene = openScene();
  await scene.signedIn();
  const refresh: SharedTokenOptions['refresh'] = async (record) => {
    scene.store.replace = () => new Promise<never>(() => {});
    return scene.provider.refresh(record);
  };
  const started = performance.now();
  const { accessToken } = await scene.open({ refresh, refreshTimeout: 200 }).getToken();
  assert.is.not(accessToken, scene.record.accessToken);
  assert.ok(performance.now() - started < 12_000);
  assert.is(scene.count('store-failed'), 1);
});

test('a sign-out that a write without an answer could undo is STORE', async () => {
  await using scene = openScene();
  const shared = scene.open({ signIn: () => scene.provider.signIn() });
  const writing = Promise.withResolvers<void>();
  scene.store.replace = () => {
    writing.resolve();
    return new Promise<never>(() => {});
  };
  const signIn = rejection(shared.signIn(), 20_000);
  await writing.promise;
  assert.is((await rejection(shared.signOut(), 20_000)).code, 'STORE');
  assert.is((await signIn).reason, 'signed-out');
});

test.run();
