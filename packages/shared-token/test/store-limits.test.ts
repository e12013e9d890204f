import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SharedTokenOptions } from '../src/index.ts';
import { test } from './scene.ts';

// How long a store is waited for.

test('a new token that the store does not take is given out after 10 seconds, and an event says so', async (scene) => {
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

test('a sign-out that the write of a first record without an answer could undo is STORE', async (scene) => {
  const shared = scene.open({ signIn: scene.provider.signIn });
  const writing = Promise.withResolvers<void>();
  scene.store.replace = () => {
    writing.resolve();
    return new Promise<never>(() => {});
  };
  const signIn = rejection(shared.signIn(), 20_000);
  await writing.promise;
  assert.is((await rejection(shared.signOut(), 20_000)).code, 'STORE');
  assert.is((await signIn).reason, 'signed-out');
  assert.is(scene.store.records.size, 0);
});

test.run();
