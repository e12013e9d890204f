import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TokenRecord } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection } from './scene.ts';
import { untilTrue } from './until-true.ts';

test('a refused refresh token is not SIGN_IN_REQUIRED if another process has stored a new one', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  using store = openTokenStore(scene.dbFilepath);
  const { refreshToken } = store.get('my-app') as TokenRecord;
  store.set('my-app', { refreshToken: 'spent' });
  const answer = Promise.withResolvers<void>();
  scene.authority.fail('token', { type: 'held', until: answer.promise });
  const call = scene.handler({ interactive: false }).getToken();
  await untilTrue(() => scene.authority.count('token', 'refresh_token') === 1);
  // As the Python class does, which acquires no lock.
  store.set('my-app', { refreshToken });
  answer.resolve();
  assert.ok(await call);
  assert.is(scene.authority.count('token', 'refresh_token'), 2);
});

test('a token that could not be stored is dropped if another process has stored a newer one', async () => {
  await using scene = await openScene({ reuseGrace: 60_000 });
  const store = new MemoryStore();
  await scene.signedIn({ store });
  const { refreshToken } = store.records.get('my-app') as TokenRecord;
  const [one, other] = [scene.handler({ store }), scene.handler({ store })];
  store.refuse = (record) => (record.refreshToken === refreshToken ? undefined : new Error('the disk is gone'));
  const unsaved = await one.getToken({ forceRefresh: true });
  store.refuse = () => undefined;
  const newest = await other.getToken({ forceRefresh: true });
  assert.is.not(newest, unsaved);
  await one.close();
  assert.is(store.records.get('my-app')?.accessToken, newest);
});

test('a record without an access token is read again if another process replaces it before the refresh', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  await scene.signedIn({ store });
  const record = store.records.get('my-app') as TokenRecord;
  store.records.set('my-app', { refreshToken: 'of the Python class' });
  const { replace } = store;
  store.replace = (...given) => {
    store.replace = replace;
    store.records.set('my-app', record);
    return store.replace(...given);
  };
  assert.is(await scene.handler({ store, interactive: false }).getToken(), record.accessToken);
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
});

test('if the provider grants fewer scopes than asked for, the caller gets the token, an event says so, and the next call needs consent', async () => {
  await using scene = await openScene();
  const change = (body: Record<string, unknown>): object => ({ ...body, scope: 'Files.Read' });
  scene.authority.fail('token', { type: 'response', change });
  const scopes = ['Files.Read', 'User.Read'];
  assert.ok(await scene.handler({ scopes }).getToken());
  const event = scene.events.find(({ type }) => type === 'scopes-not-granted');
  assert.equal(event, { type: 'scopes-not-granted', scopes: ['User.Read'] });
  const error = await rejection(scene.handler({ scopes, interactive: false }).getToken());
  assert.is(error.code, 'SIGN_IN_REQUIRED');
});

test.run();
