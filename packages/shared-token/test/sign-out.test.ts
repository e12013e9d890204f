import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SharedToken, SharedTokenEvent, TokenResponse } from '../src/index.ts';
import { mustNotAsk, type Scene, test, testSignedIn } from './scene.ts';

testSignedIn('signing out deletes the record, and the token in memory is not returned any more', async (scene) => {
  const shared = scene.open();
  await shared.getToken();
  await shared.signOut();
  assert.is(scene.store.records.size, 0);
  assert.is(shared.peek(), undefined);
  assert.is((await rejection(shared.getToken())).code, 'SIGN_IN_REQUIRED');
  assert.is(scene.events.at(-1)?.type, 'signed-out');
});

test('signing out deletes the record of another client, too', async (scene) => {
  await scene.signedIn({ clientId: 'other-client' });
  await scene.open({ clientId: 'our-client' }).signOut();
  assert.is(scene.store.records.size, 0);
});

test('a sign-out that the store refuses is STORE, and the token in memory is gone all the same', async (scene) => {
  await scene.signedIn();
  const shared = scene.open();
  await shared.getToken();
  scene.store.delete = () => Promise.reject(new Error('the disk is read-only'));
  assert.is((await rejection(shared.signOut())).code, 'STORE');
  assert.is(shared.peek(), undefined);
  assert.is(scene.count('signed-out'), 0);
});

test('a sign-out that the store refuses keeps what a refresh under way brings: the old refresh token is spent', async (scene) => {
  const { shared, call, answer } = await scene.refreshing();
  scene.store.delete = () => Promise.reject(new Error('the disk is read-only'));
  assert.is((await rejection(shared.signOut())).code, 'STORE');
  answer();
  assert.is((await rejection(call)).reason, 'signed-out');
  await shared.close();
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

for (const place of ['this process', 'another process']) {
  test(`a sign-out in ${place} wins over a refresh that is under way`, async (scene) => {
    const { shared, call, answer } = await scene.refreshing({ signIn: mustNotAsk });
    await (place === 'this process' ? shared : scene.open()).signOut();
    answer();
    assert.equal([(await rejection(call)).code, (await rejection(call)).reason], ['SIGN_IN_REQUIRED', 'signed-out']);
    await shared.close();
    assert.is(scene.store.records.size, 0);
  });
}

testSignedIn('a sign-out wins over a refresh of this instance that then fails', async (scene) => {
  const answer = Promise.withResolvers<TokenResponse>();
  const shared = scene.open({ refresh: () => answer.promise });
  const call = rejection(shared.getToken());
  await scene.until('refresh-started');
  await shared.signOut();
  answer.reject(new TypeError('fetch failed'));
  assert.equal([(await call).code, (await call).reason], ['SIGN_IN_REQUIRED', 'signed-out']);
});

test('a sign-out wins over the end of a sign-in whose token an API has rejected', async (scene) => {
  await scene.signedIn({ refreshToken: undefined, expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  const replace = scene.store.replace.bind(scene.store);
  let signOut: Promise<void> | undefined;
  scene.store.replace = (...write) => {
    signOut = shared.signOut();
    return replace(...write);
  };
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'signed-out');
  await signOut;
  assert.is(scene.store.records.size, 0);
});

test('a sign-out wins over a sign-in of this process that then fails', async (scene) => {
  const answer = Promise.withResolvers<TokenResponse>();
  const shared = scene.open({ signIn: () => answer.promise });
  const call = rejection(shared.signIn());
  await scene.until('sign-in-started');
  await shared.signOut();
  answer.reject(new TypeError('fetch failed'));
  assert.equal([(await call).code, (await call).reason], ['SIGN_IN_REQUIRED', 'signed-out']);
});

testSignedIn('a sign-out wins over a process that waits for the refresh of another one', async (scene) => {
  const answer = scene.holdAnswers();
  const calls = [scene.open(), scene.open()].map((shared) => rejection(shared.getToken()));
  await scene.until('waiting');
  await scene.open().signOut();
  answer();
  for (const { reason } of await Promise.all(calls)) assert.is(reason, 'signed-out');
});

test('a sign-out wins over a sign-in of this process, which is told to stop', async (scene) => {
  let stopped: unknown;
  const shared = scene.open({
    signIn: async ({ signal }) => {
      await until(() => signal.aborted);
      stopped = signal.reason;
      return scene.provider.signIn();
    },
  });
  const call = rejection(shared.getToken());
  await scene.until('sign-in-started');
  await shared.signOut();
  assert.equal([(await call).code, (await call).reason], ['SIGN_IN_REQUIRED', 'signed-out']);
  await shared.close();
  assert.is((stopped as { reason?: string }).reason, 'signed-out');
  assert.is(scene.store.records.size, 0);
  assert.is(scene.count('signed-in'), 0);
});

test('a sign-out by the listener of the sign-in leaves no token in memory', async (scene) => {
  let signedOut: Promise<void> | undefined;
  const onEvent = ({ type }: SharedTokenEvent): void => {
    if (type === 'signed-in') signedOut = shared.signOut();
  };
  const shared: SharedToken = scene.open({ signIn: scene.provider.signIn, onEvent });
  assert.is((await rejection(shared.signIn())).reason, 'signed-out');
  await signedOut;
  assert.is(shared.peek(), undefined);
});

test('a sign-out by the listener of the start of a sign-in asks nobody', async (scene) => {
  let asked = 0;
  const shared: SharedToken = scene.open({
    signIn: () => {
      asked++;
      return scene.provider.signIn();
    },
    onEvent: ({ type }) => type === 'sign-in-started' && shared.signOut(),
  });
  assert.is((await rejection(shared.signIn())).reason, 'signed-out');
  assert.is(asked, 0);
});

test('a sign-in that a sign-out has ended does not come back if the store fails just then', async (scene) => {
  const { shared, call, answer } = await scene.signingIn();
  await shared.signOut();
  const { get } = scene.store;
  scene.store.get = () => Promise.reject(Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' }));
  await answer();
  assert.is((await rejection(call)).reason, 'signed-out');
  scene.store.get = get;
  assert.is(await shared.read(), undefined);
  await shared.close();
  assert.is(scene.store.records.size, 0);
});

testSignedIn('a sign-in does not undo the sign-out of another process if the store fails just then', async (scene) => {
  const { shared, call, answer } = await scene.signingIn();
  await scene.open().signOut();
  const { get } = scene.store;
  scene.store.get = async () => {
    scene.store.get = get;
    throw Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });
  };
  await answer();
  assert.is((await rejection(call)).reason, 'signed-out');
  await shared.close();
  assert.is(scene.store.records.size, 0);
});

/** A sign-in on a full disk: it is in memory alone, and has to be stored later. */
async function signInOnFullDisk(scene: Scene) {
  scene.store.refuse = () => Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  scene.store.refuse = () => undefined;
  return shared;
}

test('a sign-out deletes a sign-in that is being stored late', async (scene) => {
  const shared = await signInOnFullDisk(scene);
  const { store } = scene;
  const held = store.holdWrites();
  await held.begun;
  const signedOut = shared.signOut();
  held.goOn();
  await signedOut;
  assert.is(store.records.size, 0);
  await shared.close();
  assert.is(store.records.size, 0);
  assert.is(scene.count('store-recovered'), 0);
});

test('a sign-out deletes what a sign-in is storing, which ends by it, and calls wait for that', async (scene) => {
  const shared = scene.open({ signIn: scene.provider.signIn });
  const held = scene.store.holdWrites();
  const signingIn = rejection(shared.signIn());
  await held.begun;
  const signedOut = shared.signOut();
  const call = rejection(shared.getToken({ interactive: false }));
  held.goOn();
  await signedOut;
  assert.is((await signingIn).reason, 'signed-out');
  assert.is((await call).reason, 'not-signed-in');
  assert.is(scene.store.records.size, 0);
});

test('a token bridges no failed refresh after a sign-out in another process', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  const shared = scene.open({
    async refresh() {
      await scene.open().signOut();
      throw new TypeError('fetch failed');
    },
  });
  assert.equal((await rejection(shared.getToken())).reason, 'signed-out');
});

test('a call after the sign-out does not get what a slow store still reads for a call before it', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const answer = scene.store.holdRead();
  const shared = scene.open();
  const before = rejection(shared.getToken());
  await until(() => scene.store.reads === 1);
  const signedOut = shared.signOut();
  const after = rejection(shared.getToken());
  answer();
  await signedOut;
  assert.is((await after).code, 'SIGN_IN_REQUIRED');
  assert.is((await before).code, 'SIGN_IN_REQUIRED');
});

test('what a read of before a sign-out brings is not in memory while the record is being deleted', async (scene) => {
  const { store } = scene;
  await scene.signedIn({ obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  const answer = store.holdRead();
  const reading = rejection(shared.getToken());
  await until(() => store.reads === 1);
  const deleted = Promise.withResolvers<boolean>();
  store.delete = () => deleted.promise;
  const signedOut = shared.signOut();
  answer();
  assert.is((await reading).reason, 'signed-out');
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.is(shared.peek(), undefined);
  deleted.resolve(true);
  await signedOut;
});

test('a first record that has not been sent to the store before a sign-out is not sent after it', async (scene) => {
  const { store } = scene;
  const { shared, call, answer } = await scene.signingIn();
  const release = store.holdRead();
  const reading = shared.read();
  await answer();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  let writes = 0;
  store.replace = async () => ++writes > 0;
  const signedOut = shared.signOut();
  release();
  await signedOut;
  assert.is((await rejection(call)).reason, 'signed-out');
  await reading;
  assert.is(writes, 0);
});

test.run();
