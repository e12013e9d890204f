// Takes about 15 s.
import * as assert from 'uvu/assert';
import { test } from '../test/scene.ts';

test('a token that is still valid is given out after refreshTimeout and 15 s, if the store only gives no lock', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  scene.store.exclusively = () => new Promise<never>(() => {});
  const started = performance.now();
  const { accessToken } = await scene.open({ refreshTimeout: 200 }).getToken();
  assert.is(accessToken, scene.record.accessToken);
  assert.ok(performance.now() - started < 15_200);
});

test.run();
