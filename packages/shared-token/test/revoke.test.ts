import { setTimeout as sleep } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SharedTokenOptions, SignIn, TokenRecord } from '../src/index.ts';
import { type Scene, test, testSignedIn } from './scene.ts';

type Revoke = NonNullable<SharedTokenOptions['revoke']>;

/** A SharedToken, and the refresh tokens that it has revoked. */
function openRevoking(scene: Scene, options: Partial<SharedTokenOptions> = {}) {
  const revoked: (string | undefined)[] = [];
  const shared = scene.open({ ...options, revoke: async ({ refreshToken }) => revoked.push(refreshToken) });
  return { shared, revoked };
}

testSignedIn('a sign-out gives revoke the record when it is deleted, and waits for it', async (scene) => {
  const { record } = scene;
  const seen: { record: TokenRecord; stored: number }[] = [];
  const revoke: Revoke = async (record) => {
    await null;
    seen.push({ record, stored: scene.store.records.size });
  };
  await scene.open({ revoke }).signOut();
  assert.equal(seen, [{ record, stored: 0 }]);
  assert.equal(
    scene.events.map(({ type }) => type),
    ['signed-out'],
  );
});

testSignedIn('if revoke fails, the sign-out holds, and an event says so without the tokens', async (scene) => {
  const { refreshToken } = scene.record;
  const revoke: Revoke = async (record) => {
    throw new Error(`503 for ${record.refreshToken}`);
  };
  await scene.open({ revoke }).signOut();
  assert.is(scene.store.records.size, 0);
  assert.equal(scene.events.at(-1), { type: 'revoke-failed', error: { name: 'Error', message: '503 for …' } });
  assert.ok(refreshToken);
});

test('a revoke that does not end is told to stop after refreshTimeout, and is not waited for', async (scene) => {
  await scene.signedIn();
  let signal: AbortSignal | undefined;
  const revoke: Revoke = (_record, context) => {
    signal = context.signal;
    return new Promise(() => {});
  };
  await within('the sign-out', scene.open({ revoke, refreshTimeout: 50 }).signOut(), 5_000);
  assert.is(signal?.aborted, true);
  const failures = scene.events.flatMap((event) => (event.type === 'revoke-failed' ? [event.error.name] : []));
  assert.equal(failures, ['TimeoutError']);
});

testSignedIn('what could not be stored yet is revoked as well', async (scene) => {
  scene.store.refuse = ({ refreshToken }) =>
    refreshToken === 'refresh-token-1' ? undefined : Object.assign(new Error('full'), { code: 'STORE_FULL' });
  const { shared, revoked } = openRevoking(scene);
  await shared.getToken();
  await shared.signOut();
  assert.equal(revoked, ['refresh-token-2']);
});

for (const [when, refreshTimeout] of [
  ['during a sign-out', 30_000],
  ['too late', 50],
] as const) {
  test(`what a refresh brings ${when} is revoked as well, because nothing is stored any more`, async (scene) => {
    await scene.signedIn();
    const answer = scene.holdAnswers();
    const { shared, revoked } = openRevoking(scene, { refreshTimeout });
    const call = rejection(shared.getToken());
    await scene.until('refresh-started');
    if (refreshTimeout === 50) await call;
    await shared.signOut();
    answer();
    await call;
    await until(() => revoked.length === 2);
    assert.equal(revoked, ['refresh-token-1', 'refresh-token-2']);
  });
}

testSignedIn('what a refresh brings while the record is deleted is revoked as well', async (scene) => {
  const answer = scene.holdAnswers();
  const { store } = scene;
  const remove = store.delete.bind(store);
  store.delete = async (name) => {
    answer();
    await sleep(20);
    return remove(name);
  };
  const { shared, revoked } = openRevoking(scene);
  const call = rejection(shared.getToken());
  await scene.until('refresh-started');
  await shared.signOut();
  await call;
  await shared.close();
  assert.equal(revoked, ['refresh-token-1', 'refresh-token-2']);
});

test('a late answer with the same refresh token revokes nothing: the record may have moved to another store', async (scene) => {
  await scene.signedIn();
  const { promise: answer, resolve } = Promise.withResolvers<void>();
  const refresh = () => answer.then(() => ({ access_token: 'access-token-2', expires_in: 3_600 }));
  const { shared, revoked } = openRevoking(scene, { refreshTimeout: 50, refresh });
  await rejection(shared.getToken());
  await scene.store.delete('my-app');
  resolve();
  await sleep(20);
  await shared.close();
  assert.equal(revoked, []);
});

test('what a sign-in brings during a sign-out is revoked as well', async (scene) => {
  const { promise: answer, resolve } = Promise.withResolvers<void>();
  const signIn: SignIn = ({ redeem }) => redeem(() => answer.then(scene.provider.signIn));
  const { shared, revoked } = openRevoking(scene, { signIn });
  const call = rejection(shared.signIn());
  await scene.until('sign-in-started');
  await shared.signOut();
  resolve();
  assert.is((await call).reason, 'signed-out');
  await shared.close();
  assert.equal(revoked, ['refresh-token-1']);
});

test('close() waits until what a refresh brings after a sign-out is revoked, and a failure is an event', async (scene) => {
  await scene.signedIn();
  const answer = scene.holdAnswers();
  const revoke: Revoke = async ({ refreshToken }) => {
    await sleep(50);
    if (refreshToken === 'refresh-token-2') throw new Error(`503 for ${refreshToken}`);
  };
  const shared = scene.open({ revoke });
  const call = rejection(shared.getToken());
  await scene.until('refresh-started');
  await shared.signOut();
  answer();
  assert.is((await call).reason, 'signed-out');
  await shared.close();
  assert.equal(scene.events.at(-1), { type: 'revoke-failed', error: { name: 'Error', message: '503 for …' } });
});

test('what a refresh brings is not revoked if the person has signed in again: that could end the new sign-in', async (scene) => {
  await scene.signedIn();
  const answer = scene.holdAnswers();
  const { shared, revoked } = openRevoking(scene);
  const call = rejection(shared.getToken());
  await scene.until('refresh-started');
  await shared.signOut();
  await scene.signedIn();
  answer();
  await call;
  await shared.close();
  assert.equal(revoked, ['refresh-token-1']);
});

for (const [what, options] of [
  ['nothing is stored', {}],
  ['the record is of another client', { clientId: 'mine' }],
  ['the record is of another provider', { authority: 'https://login.example.com' }],
] as const) {
  test(`revoke is not called if ${what}`, async (scene) => {
    const other = { clientId: 'other', authority: 'https://login.example.org' };
    if (Object.keys(options).length > 0) await scene.signedIn(other);
    let calls = 0;
    await scene.open({ ...options, revoke: async () => calls++ }).signOut();
    assert.is(calls, 0);
    assert.is(scene.count('revoke-failed'), 0);
  });
}

testSignedIn('of two sign-outs at the same moment, one calls revoke', async (scene) => {
  const both = [openRevoking(scene), openRevoking(scene)];
  await Promise.all(both.map(({ shared }) => shared.signOut()));
  assert.equal(
    both.flatMap(({ revoked }) => revoked),
    ['refresh-token-1'],
  );
  assert.is(scene.count('signed-out'), 2);
});

testSignedIn('revoke is not called if the record could not be deleted', async (scene) => {
  scene.store.delete = () => Promise.reject(new Error('the disk is gone'));
  let calls = 0;
  const error = await rejection(scene.open({ revoke: async () => calls++ }).signOut());
  assert.is(error.code, 'STORE');
  assert.is(calls, 0);
});

testSignedIn('a record that cannot be read is deleted all the same', async (scene) => {
  scene.store.get = () => Promise.reject(new Error('no text'));
  await scene.open({ revoke: async () => {} }).signOut();
  assert.is(scene.store.records.size, 0);
});

test.run();
