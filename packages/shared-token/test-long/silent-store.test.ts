// Takes about 20 s.
import * as assert from 'uvu/assert';
import { openScene, test } from '../test/scene.ts';
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

test('a token that is still valid is given out after that time, if the store only gives no lock', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  scene.store.exclusively = () => new Promise<never>(() => {});
  const started = performance.now();
  const { accessToken } = await scene.open({ refreshTimeout: 200 }).getToken();
  assert.is(accessToken, scene.record.accessToken);
  assert.ok(performance.now() - started < 15_200);
});

test.run();
