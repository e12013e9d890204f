import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection } from './scene.ts';

test('if an early refresh fails, the caller gets the token that is still valid, and an event says so', async () => {
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

test('a forced refresh that fails rejects, although the old token is still valid', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  await handler.getToken();
  scene.authority.fail('token', { type: 'status', status: 200, body: 'hotel' });
  assert.is((await rejection(handler.getToken({ forceRefresh: true }))).code, 'RESPONSE');
});

test('of a forced and another call at the same time, only the forced one rejects if the provider fails', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const handler = scene.handler();
  const token = await handler.getToken();
  scene.authority.fail('token', { type: 'status', status: 200, body: 'hotel' }, { times: 9 });
  const forced = rejection(handler.getToken({ forceRefresh: true }));
  assert.is(await handler.getToken(), token);
  assert.is((await forced).code, 'RESPONSE');
});

test('if the store can no longer be read, the caller gets the token in memory', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  const token = await handler.getToken();
  store.get = () => Promise.reject(new Error('the disk is gone'));
  assert.is(await handler.getToken(), token);
  assert.ok(scene.events.some((event) => event.type === 'refresh-failed' && event.error.code === 'STORE'));
});

test('after one call has waited in vain for the provider, the next call does not wait for it', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const handler = scene.handler({ requestTimeout: 1_100 });
  const token = await handler.getToken();
  scene.authority.fail('token', { type: 'hang' }, { times: 9 });
  assert.is(await handler.getToken(), token);
  assert.is(await handler.getToken(), token);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test.run();
