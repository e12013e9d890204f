import { join } from 'node:path';
import { startProgram } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import { openTokenStore } from 'token-store-sqlite';
import * as assert from 'uvu/assert';
import { type SharedToken, type SignIn, signInLockName, type TokenResponse } from '../src/index.ts';
import { TokenEndpointError } from './rotating-provider.ts';
import { type Scene, test } from './scene.ts';

// The old sign-in was refreshed while a new one was on its way into the store. That makes the old one no newer than the new one.

/** A `signIn` that answers when it is told, with `redeem` or without. */
function slowSignIn(scene: Scene, hasRedeem: boolean): { signIn: SignIn; answer: () => Promise<TokenResponse> } {
  const { promise, resolve } = Promise.withResolvers<TokenResponse>();
  const signIn: SignIn = ({ redeem }) => (hasRedeem ? redeem(() => promise) : promise);
  const answer = async (): Promise<TokenResponse> => {
    const response = await scene.provider.signIn();
    resolve(response);
    return response;
  };
  return { signIn, answer };
}

/** Another process refreshes what is stored. */
async function refresh(scene: Scene): Promise<void> {
  const { refreshToken } = scene.record;
  await scene.open().getToken({ forceRefresh: true });
  assert.is.not(scene.record.refreshToken, refreshToken);
}

/** Stores a sign-in that this package has made. */
async function signedIn(scene: Scene): Promise<SharedToken> {
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.signIn();
  return shared;
}

for (const hasRedeem of [false, true]) {
  const how = hasRedeem ? 'with redeem' : 'without redeem';

  test(`${how}: a sign-in whose lock was lost counts`, async (scene) => {
    await signedIn(scene);
    const { signIn, answer } = slowSignIn(scene, hasRedeem);
    const call = scene.open({ signIn }).signIn();
    await until(() => scene.count('sign-in-started') === 2);
    scene.store.loseLock(signInLockName('my-app'));
    await refresh(scene);
    const { access_token: accessToken } = await answer();
    assert.is((await call).accessToken, accessToken);
    assert.is(scene.record.accessToken, accessToken);
  });

  test(`${how}: a sign-in for which nobody waits any more counts`, async (scene) => {
    await signedIn(scene);
    const { signIn, answer } = slowSignIn(scene, hasRedeem);
    const shared = scene.open({ signIn, signInTimeout: 500, refreshTimeout: 20 });
    assert.is((await rejection(shared.signIn())).code, 'SIGN_IN_TIMEOUT');
    await refresh(scene);
    const { access_token: accessToken } = await answer();
    await until(() => scene.record.accessToken === accessToken);
  });
}

test('a record of another program, which does not say when its person signed in, may be refreshed as well', async (scene) => {
  await scene.signedIn();
  const { signIn, answer } = slowSignIn(scene, false);
  const call = scene.open({ signIn }).signIn();
  await scene.until('sign-in-started');
  scene.store.loseLock(signInLockName('my-app'));
  await refresh(scene);
  const { access_token: accessToken } = await answer();
  assert.is((await call).accessToken, accessToken);
  assert.is(scene.record.accessToken, accessToken);
});

test('a late sign-in counts if the one of another process began before its exchange and was refreshed after that', async (scene) => {
  await signedIn(scene);
  const { signIn: exchange, answer } = slowSignIn(scene, true);
  const answered = Promise.withResolvers<void>();
  const signIn: SignIn = async (context) => {
    await answered.promise;
    return exchange(context);
  };
  const call = scene.open({ signIn }).signIn();
  await until(() => scene.count('sign-in-started') === 2);
  scene.store.loseLock(signInLockName('my-app'));
  await signedIn(scene);
  const { signedInAt = 0 } = scene.record;
  await until(() => Date.now() > signedInAt);
  answered.resolve();
  await until(() => Date.now() > signedInAt + 1);
  await refresh(scene);
  const { access_token: accessToken } = await answer();
  assert.is((await call).accessToken, accessToken);
  assert.is(scene.record.accessToken, accessToken);
});

for (const way of ['', 'redeem']) {
  test(`a sign-in of another process, whose callers have gone, is stored over what this one has refreshed ${way}`, async (scene) => {
    const directory = temporaryDirectory();
    using store = openTokenStore(join(directory, 'tokens.db'));
    const shared = scene.open({ store, signIn: scene.provider.signIn });
    await shared.signIn();
    const script = new URL('./late-sign-in-process.ts', import.meta.url);
    const program = startProgram(script, [directory, way]);
    assert.is(await program.line(), 'SIGN_IN_TIMEOUT');
    const { accessToken } = await shared.getToken({ forceRefresh: true });
    assert.is(store.get('my-app')?.accessToken, accessToken);
    program.tell('answer');
    // No timer of its sign-in keeps it alive for as long as an exchange may take, 31 s.
    assert.is((await within('its end', program.ended)).code, 0);
    assert.is(store.get('my-app')?.accessToken, 'late');
  });
}

test('a refusal does not cost what another process has stored with the same refresh token', async (scene) => {
  await scene.signedIn();
  const newer = { ...scene.record, accessToken: 'newer', obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
  const refresh = async (): Promise<never> => {
    await scene.store.set('my-app', newer);
    throw new TokenEndpointError('invalid_grant');
  };
  assert.is((await scene.open({ refresh }).getToken()).accessToken, 'newer');
  assert.equal(scene.record, newer);
});

test.run();
