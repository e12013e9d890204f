import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from './memory-store.ts';
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

test('a forced refresh and another call at once: the provider fails, and only the forced one rejects', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const handler = scene.handler();
  const token = await handler.getToken();
  scene.authority.fail('token', { type: 'status', status: 200, body: 'hotel' }, { times: 9 });
  const forced = rejection(handler.getToken({ forceRefresh: true }));
  assert.is(await handler.getToken(), token);
  assert.is((await forced).code, 'RESPONSE');
});

test('a store that can not be read any more is bridged with the token in memory', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  const token = await handler.getToken();
  store.get = () => Promise.reject(new Error('the disk is gone'));
  assert.is(await handler.getToken(), token);
  assert.ok(scene.events.some((event) => event.type === 'refresh-failed' && event.error.code === 'STORE'));
});

test('a provider that has let a call wait in vain is not waited for by the next one', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const handler = scene.handler({ requestTimeout: 1_100 });
  const token = await handler.getToken();
  scene.authority.fail('token', { type: 'hang' }, { times: 9 });
  assert.is(await handler.getToken(), token);
  assert.is(await handler.getToken(), token);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test.run();
