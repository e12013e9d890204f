import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from './memory-store.ts';
import { openScene } from './scene.ts';

const day = 24 * 60 * 60 * 1000;

test('renewBy is 90 days after the last refresh, and moves with each refresh', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  assert.not('renewBy' in (await handler.status()));
  const { refreshedAt = 0, renewBy } = await handler.signIn();
  assert.is(renewBy, refreshedAt + 90 * day);
  await handler.getToken({ forceRefresh: true });
  assert.ok(((await handler.status()).renewBy ?? 0) > (renewBy ?? 0));
});

test('renewBy is what refresh_token_expires_in of the answer says', async () => {
  await using scene = await openScene();
  const change = (answer: object): object => ({ ...answer, refresh_token_expires_in: (30 * day) / 1000 });
  scene.authority.fail('token', { type: 'response', change });
  const { refreshedAt = 0, renewBy } = await scene.handler().signIn();
  assert.is(renewBy, refreshedAt + 30 * day);
});

test('a record of the Python class does not say when it was obtained, so renewBy is not known', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  await store.set('my-app', { refreshToken: 'x' });
  const status = await scene.handler({ store }).status();
  assert.ok(status.signedIn);
  assert.not('renewBy' in status);
});

test.run();
