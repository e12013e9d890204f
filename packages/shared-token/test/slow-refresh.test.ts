import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { RefreshContext, TokenRecord, TokenResponse } from '../src/index.ts';
import { test, testSignedIn } from './scene.ts';

test('refresh is told to stop after refreshTimeout, and what it throws then reaches the caller', async (scene) => {
  await scene.signedIn();
  const refresh = (_: TokenRecord, { signal }: RefreshContext): Promise<TokenResponse> =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const error = await rejection(scene.open({ refresh, refreshTimeout: 100 }).getToken(), 1_000);
  assert.is(error.name, 'TimeoutError');
  assert.is(error.message, 'refresh took longer than 100 ms (refreshTimeout)');
});

test('a refresh that ignores its signal is given up a second later, and its late answer is stored', async (scene) => {
  await scene.signedIn();
  const goOn = scene.holdAnswers();
  const shared = scene.open({ refreshTimeout: 100 });
  const started = performance.now();
  assert.is((await rejection(shared.getToken(), 3_000)).name, 'TimeoutError');
  assert.ok(performance.now() - started >= 1_050);
  const { refreshToken } = scene.record;
  goOn();
  await until(() => scene.record.refreshToken !== refreshToken);
  assert.is((await shared.getToken()).accessToken, scene.record.accessToken);
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('a late answer is not put over the sign-in that another process has stored since', async (scene) => {
  const gate = Promise.withResolvers<void>();
  scene.provider.gate = gate.promise;
  await rejection(scene.open({ refreshTimeout: 100 }).getToken());
  const { accessToken } = await scene.open().signIn({ signIn: scene.provider.signIn });
  gate.resolve();
  await gate.promise;
  assert.is((await scene.open().getToken()).accessToken, accessToken);
  assert.is(scene.record.accessToken, accessToken);
});

test('a late answer is not put over a newer one, also if the provider keeps its refresh tokens', async (scene) => {
  await scene.signedIn();
  const { refreshToken } = scene.record;
  const late = Promise.withResolvers<TokenResponse>();
  const shared = scene.open({ refreshTimeout: 100, refresh: () => late.promise });
  await rejection(shared.getToken(), 3_000);
  await new Promise((resolve) => setTimeout(resolve, 2));
  const refresh = async (): Promise<TokenResponse> => ({ access_token: 'newer', expires_in: 3600 });
  assert.is((await scene.open({ refresh }).getToken()).accessToken, 'newer');
  late.resolve({ access_token: 'older', expires_in: 3600 });
  await new Promise((resolve) => setImmediate(resolve));
  await shared.close();
  assert.is(scene.record.accessToken, 'newer');
  assert.is(scene.record.refreshToken, refreshToken);
});

testSignedIn('a late answer does not undo a sign-out', async (scene) => {
  const gate = Promise.withResolvers<void>();
  scene.provider.gate = gate.promise;
  const shared = scene.open({ refreshTimeout: 100 });
  await rejection(shared.getToken());
  await shared.signOut();
  gate.resolve();
  await gate.promise;
  assert.is((await rejection(shared.getToken())).code, 'SIGN_IN_REQUIRED');
  assert.is(scene.store.records.size, 0);
});

test('close() waits for a refresh that was sent, so that its tokens are stored; callers reject at once', async (scene) => {
  const { shared, call, answer } = await scene.refreshing();
  const calls = [call, shared.getToken({ signal: new AbortController().signal })].map((each) => rejection(each));
  let closed = false;
  const closing = shared.close().then(() => {
    closed = true;
  });
  for (const { code } of await Promise.all(calls)) assert.is(code, 'CLOSED');
  assert.not(closed);
  answer();
  await closing;
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

test('close() does not wait for longer than refreshTimeout', async (scene) => {
  const { shared, call, answer } = await scene.refreshing({ refreshTimeout: 200 });
  const started = performance.now();
  await shared.close();
  assert.ok(performance.now() - started < 900);
  assert.is((await rejection(call)).code, 'CLOSED');
  answer();
});

test.run();
