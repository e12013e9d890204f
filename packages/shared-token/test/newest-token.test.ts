import { setTimeout as sleep } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SignIn, TokenResponse } from '../src/index.ts';
import { TokenEndpointError } from './rotating-provider.ts';
import { test, testSignedIn } from './scene.ts';

// No older token comes into memory over a newer one, and none that an API has rejected, whatever brings it.

testSignedIn('a refresh whose callers have all left takes the place of the token that they rejected', async (scene) => {
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  const answer = scene.holdAnswers();
  const leaving = new AbortController();
  const left = rejection(shared.getToken({ forceRefresh: true, signal: leaving.signal }));
  await until(() => scene.provider.refreshes === 2);
  leaving.abort();
  await left;
  answer();
  await until(() => shared.peek()?.accessToken !== accessToken);
  assert.is(shared.peek()?.accessToken, scene.record.accessToken);
});

test('a token that an API has rejected is not given out again if another sign-in was refused in its place', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected', refreshToken: 'rejected' });
  const shared = scene.open();
  await shared.getToken();
  await scene.store.set('my-app', { refreshToken: 'of another program' });
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  assert.is((await rejection(shared.getToken())).reason, 'refused');
});

test('a call that forces again does not end the sign-in of another process', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected' });
  const shared = scene.open();
  await shared.getToken();
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  await scene.store.set('my-app', { accessToken: 'of the other process' });
  assert.is((await shared.getToken({ forceRefresh: true })).accessToken, 'of the other process');
});

test('a call that forces does not end a sign-in that lacks only what this call needs', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected', scope: 'files', signedInAt: 1 });
  let needed = 'files';
  const shared = scene.open({ accepts: ({ scope }) => scope === needed });
  await shared.getToken();
  await scene.store.set('my-app', { accessToken: 'of the other process', scope: 'mail', signedInAt: 2 });
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'not-accepted');
  needed = 'mail';
  assert.is((await shared.getToken()).accessToken, 'of the other process');
});

test('a token that an API has rejected is not given out after a sign-out of another process', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  await shared.getToken();
  await scene.open().signOut();
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'not-signed-in');
  assert.is((await rejection(shared.getToken())).reason, 'not-signed-in');
});

test('what another program has stored counts as soon as the token in memory does not', async (scene) => {
  const [obtainedAt, expiresAt] = [Date.now() - 3_500_000, Date.now() + 100_000];
  await scene.signedIn({ obtainedAt, expiresAt, signedInAt: obtainedAt });
  scene.provider.failures.push(new TypeError('fetch failed'));
  const shared = scene.open();
  await shared.getToken();
  await scene.store.set('my-app', { accessToken: 'foreign', refreshToken: 'foreign' });
  assert.is((await shared.getToken()).accessToken, 'foreign');
  assert.is(shared.peek()?.accessToken, 'foreign');
});

test('the token of its own sign-in counts, also if the clock was set back', async (scene) => {
  const times = { signedInAt: Date.now() + 3_600_000, obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
  await scene.store.set('my-app', { accessToken: 'of the one before', ...times });
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  await scene.store.delete('my-app');
  const signedIn = await shared.signIn();
  assert.is(signedIn.accessToken, scene.record.accessToken);
  assert.equal(shared.peek(), signedIn);
});

test('a forced call of a new process takes the stored token for rejected, also from a sign-in that it has joined', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected' });
  const { promise: first, resolve: answer } = Promise.withResolvers<TokenResponse>();
  let asked = 0;
  const shared = scene.open({ signIn: async () => (++asked === 1 ? first : { access_token: 'another' }) });
  const signedIn = shared.signIn();
  await scene.until('sign-in-started');
  const forced = shared.getToken({ forceRefresh: true });
  await until(() => scene.record.refusedAt !== undefined);
  await sleep(0);
  answer({ access_token: 'rejected' });
  assert.is((await signedIn).accessToken, 'rejected');
  assert.is((await forced).accessToken, 'another');
});

test('a forced call that waits gets no rejected token that another process stores again', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  const rejected = scene.record;
  await scene.store.set('my-app', { refreshToken: 'of another program' });
  const turn = Promise.withResolvers<void>();
  const other = scene.store.exclusively('my-app', () => turn.promise);
  const forced = shared.getToken({ forceRefresh: true });
  await scene.until('waiting');
  await scene.store.set('my-app', rejected);
  turn.resolve();
  await other;
  assert.is.not((await forced).accessToken, accessToken);
});

test('a sign-in after a token that was rejected counts, also if the clock was set back', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected', signedInAt: Date.now() + 3_600_000 });
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  await rejection(shared.getToken({ forceRefresh: true, interactive: false }));
  await scene.store.delete('my-app');
  const { accessToken } = await shared.signIn();
  assert.is(accessToken, scene.record.accessToken);
});

test('of two questions, the one that the person answers last counts, also in memory', async (scene) => {
  const answered = Promise.withResolvers<void>();
  const shared = scene.open({ refreshTimeout: 100, signIn: () => scene.provider.signIn() });
  const leaving = new AbortController();
  const signIn: SignIn = async ({ redeem }) => {
    await answered.promise;
    return redeem(() => scene.provider.signIn());
  };
  const first = rejection(shared.signIn({ signIn, signal: leaving.signal }));
  await scene.until('sign-in-started');
  leaving.abort();
  await first;
  await shared.signIn();
  const signedIn = Date.now();
  await until(() => Date.now() > signedIn);
  answered.resolve();
  await until(() => scene.count('signed-in') === 2);
  assert.is(shared.peek()?.accessToken, 'access-token-2');
  assert.is(scene.record.accessToken, 'access-token-2');
});

test.run();
