import * as assert from 'uvu/assert';
import type { TokenRecord, TokenResponse } from '../src/index.ts';
import { openScene, type Scene, test, testSignedIn } from './scene.ts';
import { untilTrue, within } from './within.ts';

// What the store owes: a record that it could not take is newer than what it has.

const full = (): Error => Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });

/** From now on the store takes what it has and no other refresh token. */
function fill({ store, record }: Scene): void {
  const { refreshToken } = record;
  store.refuse = (next) => (next.refreshToken === refreshToken ? undefined : full());
}

test('an answer that was asked for before two refreshes is not newer than the second one, which could not be stored', async (scene) => {
  await scene.signedIn();
  const shared = scene.open();
  const answer = scene.store.holdRead();
  const read = shared.read();
  await shared.getToken();
  fill(scene);
  const { accessToken } = await shared.getToken({ forceRefresh: true });
  answer();
  assert.is((await within(10_000, read))?.accessToken, accessToken);
  scene.store.refuse = () => undefined;
  await shared.close();
  assert.is(scene.record.accessToken, accessToken);
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

test('a read that is answered after the store got what it was owed does not look like a sign-out', async (scene) => {
  const { store } = scene;
  store.refuse = full;
  const shared = scene.open({ signIn: scene.provider.signIn });
  const { accessToken } = await shared.getToken();
  const answer = store.holdRead();
  const read = shared.read();
  store.refuse = () => undefined;
  await scene.until('store-recovered');
  answer();
  assert.is((await within(10_000, read))?.accessToken, accessToken);
});

test('a sign-in after one that could not be stored is no sign-out, whether or not the disk is still full', async () => {
  for (const isStillFull of [true, false]) {
    await using scene = openScene();
    scene.store.refuse = full;
    const shared = scene.open({ signIn: scene.provider.signIn });
    await shared.signIn();
    if (!isStillFull) scene.store.refuse = () => undefined;
    const second = await shared.signIn();
    assert.is((await shared.read())?.accessToken, second.accessToken);
    scene.store.refuse = () => undefined;
    await shared.close();
    assert.is(scene.record.accessToken, second.accessToken);
  }
});

test('a record that is owed is not dropped because the lock was lost while it was written again', async (scene) => {
  await scene.signedIn();
  const shared = scene.open();
  fill(scene);
  const { accessToken } = await shared.getToken();
  const replace = scene.store.replace.bind(scene.store);
  scene.store.replace = (...write) => {
    scene.store.replace = replace;
    scene.store.loseLock('my-app');
    return replace(...write);
  };
  await shared.getToken({ forceRefresh: true }).catch(() => {});
  scene.store.refuse = () => undefined;
  await shared.close();
  assert.is(scene.record.accessToken, accessToken);
});

test('what read() returns is a copy: to change it changes nothing that is stored later', async (scene) => {
  scene.store.refuse = full;
  const shared = scene.open({ signIn: scene.provider.signIn });
  const { accessToken } = await shared.getToken();
  Object.assign((await shared.read()) as TokenRecord, { accessToken: 'another' });
  scene.store.refuse = () => undefined;
  await shared.close();
  assert.is(scene.record.accessToken, accessToken);
});

test('an answer that came after refreshTimeout is not put over the newer one that could not be stored', async (scene) => {
  await scene.signedIn();
  const late = Promise.withResolvers<TokenResponse>();
  let requests = 0;
  const refresh = async (): Promise<TokenResponse> =>
    ++requests === 1 ? late.promise : { access_token: 'newer', refresh_token: 'newer refresh', expires_in: 3600 };
  const shared = scene.open({ refresh, refreshTimeout: 10 });
  await shared.getToken().catch(() => {});
  fill(scene);
  await shared.getToken();
  scene.store.refuse = () => undefined;
  late.resolve({ access_token: 'older', refresh_token: 'older refresh', expires_in: 3600 });
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  await untilTrue(() => scene.count('store-failed') === 1);
  await shared.close();
  assert.is(scene.record.accessToken, 'newer');
});

testSignedIn('it stays owed if the store was changed just before it could take it', async (scene) => {
  fill(scene);
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  scene.store.refuse = () => undefined;
  const replace = scene.store.replace.bind(scene.store);
  scene.store.replace = async () => {
    scene.store.replace = replace;
    return false;
  };
  await scene.until('store-recovered');
  assert.is(scene.record.accessToken, accessToken);
});

testSignedIn('a sign-in is not put over what the store cannot read', async (scene) => {
  const { call, answer } = await scene.signingIn();
  const other = { refreshToken: 'of another program' };
  await scene.store.set('my-app', other);
  scene.store.get = () => Promise.reject(new Error('damaged'));
  await answer();
  await call;
  assert.equal(scene.record, other);
  assert.is(scene.count('store-failed'), 1);
});

test.run();
