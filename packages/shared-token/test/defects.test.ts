import { inspect } from 'node:util';
import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { RefreshContext, TokenRecord, TokenResponse } from '../src/index.ts';
import { TokenEndpointError } from './rotating-provider.ts';
import { mustNotAsk, test, testSignedIn } from './scene.ts';

// Defects that a reading of the sources found, one each.

test('a sign-in whose write fails after a sign-out does not come back', async (scene) => {
  const writing = Promise.withResolvers<void>();
  let writes = 0;
  scene.store.set = async () => {
    writes++;
    await writing.promise;
    throw new Error('the connection is gone');
  };
  const shared = scene.open({ signIn: scene.provider.signIn });
  const call = rejection(shared.getToken());
  await until(() => writes === 1);
  const signedOut = shared.signOut();
  writing.resolve();
  await signedOut;
  assert.is((await call).code, 'SIGN_IN_REQUIRED');
  assert.is(await shared.read(), undefined);
});

test('a refusal after the lock was lost is STORE, worth a retry: another process may be about to store the new token', async (scene) => {
  await scene.signedIn();
  const refresh = (): Promise<TokenResponse> => {
    scene.store.loseLock('my-app');
    return Promise.reject(new TokenEndpointError('invalid_grant'));
  };
  const error = await rejection(scene.open({ refresh, signIn: mustNotAsk }).getToken());
  assert.equal([error.code, error.retryable], ['STORE', true]);
});

test('an error of signIn that quotes the stored tokens is told by an event without them', async (scene) => {
  const secrets = { refreshToken: 'refresh-SECRET', accessToken: 'access-SECRET', idToken: 'id-token-SECRET' };
  await scene.store.set('my-app', { ...secrets, expiresAt: Date.now() - 1 });
  const signIn = ({ record = { refreshToken: '' } }: { record?: TokenRecord | undefined }) =>
    Promise.reject(new Error(`cannot use ${Object.values(record).join(' ')}`));
  await rejection(scene.open({ signIn }).signIn());
  assert.is(scene.count('sign-in-failed'), 1);
  assert.not.match(inspect(scene.events), 'SECRET');
});

test('a token that was obtained on a machine whose clock is 5 seconds ahead is used', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() + 5_000, expiresAt: Date.now() + 3_605_000, accessToken: 'stored' });
  assert.is((await scene.open().getToken()).accessToken, 'stored');
  assert.is(scene.provider.refreshes, 0);
});

testSignedIn('refresh cannot change which record its answer replaces', async (scene) => {
  const refresh = async (record: { refreshToken: string }, context: RefreshContext): Promise<TokenResponse> => {
    const response = await scene.provider.refresh(record, context);
    Object.assign(record, { refreshToken: response.refresh_token });
    return response;
  };
  const { accessToken } = await scene.open({ refresh }).getToken();
  assert.is(scene.record.accessToken, accessToken);
});

test.run();
