import { setTimeout as delay } from 'node:timers/promises';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { type RefreshContext, signInLockName, type TokenRecord, type TokenResponse } from '../src/index.ts';
import { mustNotAsk, type Scene, test, testSignedIn } from './scene.ts';

/** A process whose lock is lost while the provider works on its refresh request. */
async function loseLock(scene: Scene, inBetween: () => Promise<void> = async () => {}) {
  const { shared, call, answer } = await scene.refreshing();
  scene.store.loseLock('my-app');
  scene.provider.gate = Promise.resolve();
  await inBetween();
  answer();
  return { shared, call };
}

/** The same at a provider that keeps the refresh token. */
async function loseLockOfKept(scene: Scene, access_token: string) {
  const { promise, resolve: answer } = Promise.withResolvers<void>();
  const refresh = () => promise.then(() => ({ access_token, expires_in: 3600 }));
  const { shared, call } = await scene.refreshing({ refresh });
  scene.store.loseLock('my-app');
  return { shared, call, answer };
}

testSignedIn('refresh is told when the lock is lost; if it stops, that is STORE, worth a retry', async (scene) => {
  let told: unknown;
  const refresh = (_: TokenRecord, { signal }: RefreshContext): Promise<TokenResponse> => {
    scene.store.loseLock('my-app');
    told = signal.reason;
    return Promise.reject(signal.reason);
  };
  const error = await rejection(scene.open({ refresh }).getToken());
  assert.equal([error.code, error.retryable], ['STORE', true]);
  assert.is((told as Error).message, 'the lease has ended');
  assert.is(error.cause, told);
});

test('that is STORE too if refresh is a function of Node, which wraps the reason in an AbortError', async (scene) => {
  await scene.signedIn();
  const refresh = async (_: TokenRecord, { signal }: RefreshContext): Promise<TokenResponse> => {
    scene.store.loseLock('my-app');
    await delay(1_000, undefined, { signal });
    return { access_token: 'late' };
  };
  const error = await rejection(scene.open({ refresh }).getToken());
  assert.equal([error.code, error.retryable], ['STORE', true]);
});

testSignedIn('a lock that is lost before the refresh is sent: nothing is sent', async (scene) => {
  const replace = scene.store.replace.bind(scene.store);
  scene.store.replace = async (name, previous, record) => {
    const written = await replace(name, previous, record);
    scene.store.loseLock('my-app');
    return written;
  };
  const error = await rejection(scene.open().getToken());
  assert.equal([error.code, error.retryable], ['STORE', true]);
  assert.is(scene.provider.refreshes, 0);
});

test('a refresh that ends well although the lock was lost: the token is stored without it, and returned', async (scene) => {
  const { call } = await loseLock(scene);
  const { accessToken } = await call;
  assert.is(scene.record.accessToken, accessToken);
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

test('a refresh that ends after another process has signed in: the newer token counts', async (scene) => {
  let newer: string | undefined;
  const { call } = await loseLock(scene, async () => {
    ({ accessToken: newer } = await scene.open().signIn({ signIn: scene.provider.signIn }));
  });
  assert.is((await call).accessToken, newer);
  assert.is(scene.record.accessToken, newer);
});

test('a sign-in that does not know that its lock was lost does not take the place of a newer one', async (scene) => {
  scene.store.exclusively = (_name, task) => task({ signal: new AbortController().signal });
  const { call: older, answer } = await scene.signingIn();
  // Of the millisecond after it, at the earliest.
  await delay(2);
  const { accessToken } = await scene.open({ signIn: scene.provider.signIn }).getToken();
  await answer({ access_token: 'older' });
  assert.is((await older).accessToken, accessToken);
  assert.is(scene.record.accessToken, accessToken);
});

test('a provider that keeps the refresh token: a late access token does not take the place of a newer one', async (scene) => {
  const { shared, call, answer } = await loseLockOfKept(scene, 'older');
  const { refreshToken } = scene.record;
  await scene.open({ refresh: async () => ({ access_token: 'newer', expires_in: 3600 }) }).getToken();
  answer();
  assert.is((await call).accessToken, 'newer');
  await shared.close();
  assert.equal([scene.record.accessToken, scene.record.refreshToken], ['newer', refreshToken]);
});

test('a sign-in gives way to a newer one that was stored when it lost the lock of the record', async (scene) => {
  await scene.signedIn();
  const { store } = scene;
  const replace = store.replace.bind(store);
  store.replace = async (...values) => {
    store.replace = replace;
    store.loseLock('my-app');
    await store.set('my-app', { accessToken: 'newer', refreshToken: 'newer', signedInAt: Date.now() + 1_000 });
    return replace(...values);
  };
  const shared = scene.open({ signIn: scene.provider.signIn });
  assert.is((await shared.signIn()).accessToken, 'newer');
  await shared.close();
  assert.is(scene.record.accessToken, 'newer');
});

test('a refresh that ends after a sign-out: nothing comes back', async (scene) => {
  const { call, shared } = await loseLock(scene, () => scene.open().signOut());
  assert.is((await rejection(call)).reason, 'signed-out');
  await shared.close();
  assert.is(scene.store.records.size, 0);
});

testSignedIn('a store that gives its tasks no lock is trusted to keep it', async (scene) => {
  const exclusively = scene.store.exclusively.bind(scene.store);
  scene.store.exclusively = (name, task, options) => exclusively(name, () => task(undefined as never), options);
  assert.is((await scene.open().getToken()).accessToken, scene.record.accessToken);
});

test('a process that has lost its turn while it refreshed the sign-in of another process asks nobody', async (scene) => {
  const turn = Promise.withResolvers<void>();
  const held = scene.store.exclusively(signInLockName('my-app'), () => turn.promise);
  const call = rejection(scene.open({ signIn: mustNotAsk }).getToken());
  await scene.until('waiting');
  const answer = scene.holdAnswers();
  await scene.signedIn({ refreshToken: 'revoked by now' });
  turn.resolve();
  await held;
  await scene.until('refresh-started');
  scene.store.loseLock(signInLockName('my-app'));
  answer();
  assert.is((await call).code, 'STORE');
});

test.run();
