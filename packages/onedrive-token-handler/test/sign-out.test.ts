import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene, rejection } from './scene.ts';

test('signing out forgets the tokens in memory and in the file', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  await handler.getToken();
  await handler.signOut();
  assert.not((await handler.status()).signedIn);
  assert.is((await rejection(handler.getToken({ interactive: false }))).code, 'SIGN_IN_REQUIRED');
});

for (const who of ['this', 'another'] as const) {
  test(`signing out in ${who} handler during a refresh wins: nothing comes back`, async () => {
    await using scene = await openScene({ accessTokenTtl: 60 });
    await scene.signedIn();
    const handler = scene.handler();
    scene.authority.fail('token', { type: 'slow', ms: 500 });
    const refresh = rejection(handler.getToken());
    await scene.untilRefreshing();
    await (who === 'this' ? handler : scene.handler()).signOut();
    assert.is((await refresh).code, 'SIGN_IN_REQUIRED');
    assert.not((await handler.status()).signedIn);
    assert.is(scene.windows.length, 1, 'no browser after a sign-out');
  });
}

test.run();
