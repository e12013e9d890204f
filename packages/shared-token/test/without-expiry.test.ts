import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { TokenResponse } from '../src/index.ts';
import { TokenEndpointError } from './rotating-provider.ts';
import { test, testSignedIn } from './scene.ts';

const lastTimeMs = 8_640_000_000_000_000;

/** The `signIn` of a provider without refresh tokens. Each token expires after so many seconds. */
function askPerson(expiresIn?: number) {
  let asked = 0;
  const signIn = async (): Promise<TokenResponse> => {
    const expires = expiresIn === undefined ? {} : { expires_in: expiresIn };
    return { access_token: `only-${++asked}`, scope: 'files', ...expires };
  };
  return { signIn, count: () => asked };
}

testSignedIn('without expires_in, a token is good until a call forces, in this process and the next', async (scene) => {
  scene.provider.expiresIn = undefined;
  const shared = scene.open();
  const token = await shared.getToken();
  assert.is(token.expiresAt, lastTimeMs);
  assert.not('expiresAt' in scene.record);
  assert.equal(JSON.parse(JSON.stringify(token)), token);
  assert.is((await shared.getToken({ minValid: 3_600_000 })).accessToken, token.accessToken);
  assert.is((await scene.open().getToken()).accessToken, token.accessToken);
  assert.is(scene.provider.refreshes, 1);
  assert.is.not((await shared.getToken({ forceRefresh: true })).accessToken, token.accessToken);
  assert.is(scene.provider.refreshes, 2);
});

test('without expires_in, a token whose refresh is refused has ended, here and in the next process', async (scene) => {
  await scene.signedIn();
  scene.provider.expiresIn = undefined;
  const shared = scene.open();
  await shared.getToken();
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  assert.is((await rejection(shared.getToken())).reason, 'refused');
  assert.is((await rejection(scene.open().getToken())).reason, 'refused');
});

test('without a refresh token, the access token is stored and shared like any other', async (scene) => {
  const { signIn, count } = askPerson(3600);
  const { accessToken } = await scene.open({ signIn, clientId: 'mine' }).getToken();
  assert.equal([scene.record.accessToken, scene.record.clientId], [accessToken, 'mine']);
  assert.not('refreshToken' in scene.record);
  assert.is((await scene.open({ signIn }).getToken()).accessToken, accessToken);
  assert.is((await scene.open().getToken()).accessToken, accessToken);
  assert.equal([count(), scene.count('refresh-token-missing')], [1, 1]);
});

test('without a refresh token, a token is given out to its end, whatever minValid says, and is not refreshed ahead', async (scene) => {
  const [obtainedAt, expiresAt] = [Date.now() - 3_500_000, Date.now() + 100_000];
  await scene.store.set('my-app', { accessToken: 'only', obtainedAt, expiresAt });
  const shared = scene.open({ refreshAhead: 600_000 });
  for (let time = 0; time < 2; time++) assert.is((await shared.getToken({ minValid: 200_000 })).accessToken, 'only');
  assert.equal(
    scene.events.map(({ type }) => type),
    ['stored-token'],
  );
});

test('without a refresh token, nobody is asked because a clock was set back', async (scene) => {
  await scene.store.set('my-app', {
    accessToken: 'only',
    obtainedAt: Date.now() + 60_000,
    expiresAt: Date.now() + 100_000,
  });
  assert.is((await scene.open().getToken()).accessToken, 'only');
});

test('when it has ended, one of 8 processes asks the person', async (scene) => {
  await scene.store.set('my-app', {
    accessToken: 'old',
    obtainedAt: Date.now() - 3_600_000,
    expiresAt: Date.now() - 1,
  });
  const { signIn, count } = askPerson(3600);
  const tokens = await Promise.all(Array.from({ length: 8 }, () => scene.open({ signIn }).getToken()));
  assert.equal([...new Set(tokens.map(({ accessToken }) => accessToken))], ['only-1']);
  assert.is(count(), 1);
});

test('without signIn, that is SIGN_IN_REQUIRED, because it has expired', async (scene) => {
  await scene.store.set('my-app', {
    accessToken: 'old',
    obtainedAt: Date.now() - 3_600_000,
    expiresAt: Date.now() - 1,
  });
  const { code, reason } = await rejection(scene.open().getToken());
  assert.equal([code, reason], ['SIGN_IN_REQUIRED', 'expired']);
  assert.is(scene.provider.refreshes, 0);
});

for (const expiresIn of [3600, undefined]) {
  const what = expiresIn ? 'without a refresh token' : 'without a refresh token and expires_in';
  test(`${what}, a token that an API rejects has ended, here and in the next process`, async (scene) => {
    const { signIn } = askPerson(expiresIn);
    const shared = scene.open({ signIn });
    await shared.getToken();
    const silent = { forceRefresh: true, interactive: false };
    const error = await rejection(shared.getToken(silent));
    assert.equal([error.reason, (error.cause as Error).message], ['refused', 'invalid_token']);
    assert.is(scene.record.refusedBecause, 'invalid_token');
    assert.is((await rejection(shared.getToken({ interactive: false }))).reason, 'refused');
    assert.is((await rejection(scene.open().getToken())).reason, 'refused');
    assert.is((await rejection(scene.open().getToken(silent))).reason, 'refused');
    assert.is((await shared.getToken()).accessToken, 'only-2');
    assert.is((await scene.open().getToken()).accessToken, 'only-2');
  });

  test(`${what}, 8 processes whose token an API rejects ask the person once`, async (scene) => {
    const { signIn, count } = askPerson(expiresIn);
    const processes = Array.from({ length: 8 }, () => scene.open({ signIn }));
    for (const shared of processes) await shared.getToken();
    const tokens = await Promise.all(processes.map((shared) => shared.getToken({ forceRefresh: true })));
    assert.equal([...new Set(tokens.map(({ accessToken }) => accessToken))], ['only-2']);
    assert.is(count(), 2);
  });
}

test('without a refresh token, too, the error says why the sign-in was refused at first', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'only', refusedAt: 1, refusedBecause: 'the password was changed' });
  const { cause } = await rejection(scene.open().getToken({ forceRefresh: true }));
  assert.is((cause as Error).message, 'the password was changed');
});

test('a token that an API rejects before the store has it has ended, also in the next process', async (scene) => {
  const { signIn } = askPerson(3600);
  scene.store.refuse = () => new Error('the disk is full');
  const shared = scene.open({ signIn });
  await shared.getToken();
  scene.store.refuse = () => undefined;
  assert.is((await rejection(shared.getToken({ forceRefresh: true, interactive: false }))).reason, 'refused');
  assert.is((await rejection(scene.open().getToken())).reason, 'refused');
});

test('a token that an API rejects has ended for a call beside it, also if the store cannot take its mark', async (scene) => {
  const { store } = scene;
  await store.set('my-app', { accessToken: 'only' });
  store.refuse = () => new Error('the disk is full');
  const shared = scene.open();
  await rejection(shared.getToken({ forceRefresh: true }));
  const both = [shared.getToken({ forceRefresh: true }), shared.getToken()].map(rejection);
  for (const { reason } of await Promise.all(both)) assert.is(reason, 'refused');
});

testSignedIn('a sign-in without a refresh token takes the place of an older one', async (scene) => {
  const { signIn } = askPerson(3600);
  await scene.open({ signIn }).signIn();
  assert.equal([scene.record.accessToken, scene.record.refreshToken], ['only-1', undefined]);
});

test('a stored refresh token that is empty is none', async (scene) => {
  scene.store.records.set('my-app', { refreshToken: '', accessToken: 'only' });
  const shared = scene.open();
  assert.is((await shared.getToken()).accessToken, 'only');
  assert.equal(await shared.read(), { accessToken: 'only' });
});

test('a sign-out deletes a record without a refresh token', async (scene) => {
  const { signIn } = askPerson();
  const shared = scene.open({ signIn });
  await shared.getToken();
  await shared.signOut();
  assert.is(scene.store.records.size, 0);
  assert.is((await rejection(shared.getToken({ interactive: false }))).reason, 'not-signed-in');
});

test.run();
