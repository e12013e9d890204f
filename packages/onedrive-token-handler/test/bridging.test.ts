import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene, rejection } from './scene.ts';

test('a still valid token bridges a failed early refresh, and an event says so', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  await scene.signedIn();
  const handler = scene.handler({ interactive: false });
  scene.authority.fail('token', { type: 'status', status: 200, body: 'hotel' });
  const bridged = await handler.getToken();
  const response = await fetch(`${scene.authority.graphUrl}/me`, { headers: { authorization: `Bearer ${bridged}` } });
  assert.is(response.status, 200);
  assert.ok(scene.events.some((event) => event.type === 'refresh-failed' && event.bridged));
  assert.is.not(await handler.getToken(), bridged);
});

test('a forced refresh is not bridged', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  await handler.getToken();
  scene.authority.fail('token', { type: 'status', status: 200, body: 'hotel' });
  assert.is((await rejection(handler.getToken({ forceRefresh: true }))).code, 'RESPONSE');
});

test.run();
