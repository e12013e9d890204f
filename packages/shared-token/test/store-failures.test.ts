import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { mustNotAsk, openScene, test, testSignedIn } from './scene.ts';

const full = (): Error => Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });

test('a store that cannot be written before a refresh: STORE, and the refresh token is not spent', async (scene) => {
  await scene.signedIn();
  scene.store.refuse = full;
  const error = await rejection(scene.open().getToken());
  assert.equal([error.code, error.retryable, error.message], ['STORE', true, 'the disk is full']);
  assert.is((error.cause as { code?: string }).code, 'STORE_FULL');
  assert.is(scene.provider.refreshes, 0);
});

for (const [code, retryable] of [
  ['STORE_BUSY', true],
  ['STORE_FULL', true],
  ['STORE_READONLY', false],
  ['STORE_KEY', false],
  ['STORE_CORRUPT', false],
  [undefined, false],
] as const) {
  test(`${code ?? 'an error without a code'} of the store is STORE, ${retryable ? 'worth' : 'not worth'} a retry`, async (scene) => {
    const failure = Object.assign(new Error('no'), { code });
    scene.store.get = () => Promise.reject(failure);
    for (const call of [scene.open().getToken(), scene.open().read()]) {
      const error = await rejection(call);
      assert.equal([error.code, error.retryable], ['STORE', retryable]);
      assert.is(error.cause, failure);
    }
  });
}

test('a store that is not reachable is STORE, worth a retry', async (scene) => {
  const failure = Object.assign(new Error('no route'), { code: 'STORE_OPEN', reason: 'unreachable' });
  scene.store.get = () => Promise.reject(failure);
  assert.ok((await rejection(scene.open().getToken())).retryable);
});

test('a store that throws instead of rejecting is STORE as well', async (scene) => {
  scene.store.get = () => {
    throw new TypeError('the store is gone');
  };
  assert.is((await rejection(scene.open().getToken())).code, 'STORE');
});

test('a broken store opens no browser', async () => {
  for (const method of ['get', 'exclusively'] as const) {
    await using scene = openScene();
    scene.store[method] = () => Promise.reject(new Error('the disk is gone'));
    assert.is((await rejection(scene.open({ signIn: mustNotAsk }).getToken())).code, 'STORE', method);
  }
});

testSignedIn('a sign-in that is stored in the place of what could not be ends that trouble', async (scene) => {
  const shared = scene.open({ signIn: scene.provider.signIn });
  scene.store.refuse = ({ refreshToken }) =>
    refreshToken === 'refresh-token-1' ? undefined : Object.assign(new Error('full'), { code: 'STORE_FULL' });
  await shared.getToken();
  assert.is(scene.count('store-failed'), 1);
  scene.store.refuse = () => undefined;
  const { accessToken } = await shared.signIn();
  assert.is(scene.record.accessToken, accessToken);
  assert.is(scene.count('store-recovered'), 1);
});

testSignedIn('a lock that is never acquired is STORE, worth a retry', async (scene) => {
  const busy = Object.assign(new Error('held by process 7'), { code: 'STORE_BUSY' });
  scene.store.exclusively = () => Promise.reject(busy);
  const error = await rejection(scene.open().getToken());
  assert.equal([error.code, error.retryable, error.cause], ['STORE', true, busy]);
});

testSignedIn('a lock that cannot be released does not cost the token', async (scene) => {
  const exclusively = scene.store.exclusively.bind(scene.store);
  scene.store.exclusively = async (name, task, options) => {
    await exclusively(name, task, options);
    throw new Error('the lock server is gone');
  };
  assert.is((await scene.open().getToken()).accessToken, scene.record.accessToken);
});

testSignedIn('a record that changes at each look is STORE, worth a retry, and not an endless loop', async (scene) => {
  scene.store.replace = async () => false;
  const error = await rejection(scene.open().getToken());
  assert.equal([error.code, error.retryable], ['STORE', true]);
  assert.is(scene.provider.refreshes, 0);
});

testSignedIn('a store that says that the lock is lost before the work has ended leaves no timer', async (scene) => {
  scene.store.exclusively = async (_name, task) => {
    void task({ signal: new AbortController().signal });
    throw Object.assign(new Error('the lease has ended'), { code: 'STORE_BUSY' });
  };
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  assert.is((await scene.open().getToken()).accessToken, 'access-token-2');
  assert.ok(timers() <= before);
});

test.run();
