import { setTimeout as delay } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import { CallerQueue } from 'token-store-kit';
import * as assert from 'uvu/assert';
import {
  type AccessToken,
  type SharedTokenEvent,
  type SignIn,
  type SignInContext,
  signInLockName,
  type TokenResponse,
} from '../src/index.ts';
import { mustNotAsk, openScene, test, testSignedIn } from './scene.ts';

const never = (): Promise<TokenResponse> => new Promise(() => {});

test('what accepts throws about a new sign-in reaches the caller, and costs no tokens', async (scene) => {
  const failure = new Error('the list of scopes cannot be read');
  const accepts = (): boolean => {
    throw failure;
  };
  assert.is(await rejection(scene.open({ signIn: scene.provider.signIn, accepts }).getToken()), failure);
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

test('what signIn throws reaches the caller as it is, and an event tells it', async (scene) => {
  const failure = Object.assign(new Error('the person said no'), { code: 'access_denied' });
  assert.is(await rejection(scene.open({ signIn: () => Promise.reject(failure) }).getToken()), failure);
  const error = { name: 'Error', message: 'the person said no', code: 'access_denied' };
  assert.equal(scene.events.at(-1), { type: 'sign-in-failed', error });
  assert.is(scene.store.records.size, 0);
});

test('onEvent and signIn may ask another instance, which gets the token of this one', async () => {
  for (const isSignedIn of [false, true]) {
    await using scene = openScene();
    // It refuses a caller that is within a task for the same name.
    const queue = new CallerQueue();
    scene.store.exclusively = (name, task, options) => queue.run(name, task, options);
    if (isSignedIn) await scene.signedIn();
    const other = scene.open({ signIn: mustNotAsk });
    let asked: Promise<AccessToken> | undefined;
    const ask = (): void => {
      asked = other.getToken();
    };
    const signIn: SignIn = () => {
      ask();
      return scene.provider.signIn();
    };
    const onEvent = ({ type }: SharedTokenEvent): void => {
      if (type === 'refresh-started') ask();
    };
    // So long that the other one waits for the lock.
    const refresh = async (record: { refreshToken: string }): Promise<TokenResponse> => {
      await delay(20);
      return scene.provider.refresh(record);
    };
    const { accessToken } = await scene.open({ signIn, onEvent, refresh }).getToken();
    assert.is((await asked)?.accessToken, accessToken);
  }
});

test('a store that is busy when its turn has come is STORE: nobody else is being asked', async (scene) => {
  const shared = scene.open({ signIn: mustNotAsk });
  scene.store.get = async () => Promise.reject(Object.assign(new Error('busy'), { code: 'STORE_BUSY' }));
  assert.is((await rejection(shared.signIn())).code, 'STORE');
});

test('a process that waits for the question of another one ends in SIGN_IN_TIMEOUT as well', async (scene) => {
  const { call, answer } = await scene.signingIn();
  const waiting = scene.open({ signIn: mustNotAsk, signInTimeout: 100 });
  const { code, cause } = await rejection(waiting.getToken());
  assert.equal([code, (cause as { code?: string }).code], ['SIGN_IN_TIMEOUT', 'STORE_BUSY']);
  await answer();
  await call;
});

test('a signIn that never settles ends in SIGN_IN_TIMEOUT, is told to stop, and blocks no other process', async (scene) => {
  let signal: AbortSignal | undefined;
  const hanging: SignIn = (context) => {
    signal = context.signal;
    return never();
  };
  const error = await rejection(scene.open({ signIn: hanging, signInTimeout: 100 }).getToken(), 2_000);
  assert.equal([error.code, error.retryable], ['SIGN_IN_TIMEOUT', false]);
  assert.match(error.message, 'within 0.1 s');
  assert.is(signal?.reason, error);
  await scene.open({ signIn: scene.provider.signIn }).getToken();
});

test('a signIn that goes on when its last caller has gone blocks no other process for longer than an exchange may take', async (scene) => {
  const abort = new AbortController();
  const call = rejection(scene.open({ signIn: never, refreshTimeout: 10 }).getToken({ signal: abort.signal }));
  await scene.until('sign-in-started');
  abort.abort();
  await call;
  await within('the token', scene.open({ signIn: scene.provider.signIn }).getToken(), 5_000);
});

test('an answer that comes after the timeout is stored for the next caller', async (scene) => {
  const answer = Promise.withResolvers<TokenResponse>();
  const shared = scene.open({ signIn: () => answer.promise, signInTimeout: 300 });
  assert.is((await rejection(shared.getToken())).code, 'SIGN_IN_TIMEOUT');
  answer.resolve(await scene.provider.signIn());
  await until(() => scene.store.records.size === 1);
  assert.is((await shared.getToken()).accessToken, scene.record.accessToken);
});

test('signInTimeout may be as long as a timer can be, also while another process signs in', async (scene) => {
  const other = scene.store.exclusively(signInLockName('my-app'), () => delay(50));
  const shared = scene.open({ signIn: scene.provider.signIn, signInTimeout: 2 ** 31 - 1 });
  assert.is((await shared.signIn()).accessToken, scene.record.accessToken);
  await other;
});

for (const [what, isNewer] of [
  ['is not put over the newer sign-in of another process', true],
  ['is put over what a program has stored that does not say when its person signed in', false],
] as const) {
  test(`a late answer ${what}`, async (scene) => {
    const late = Promise.withResolvers<TokenResponse>();
    const shared = scene.open({ signIn: () => late.promise, signInTimeout: 50 });
    assert.is((await rejection(shared.signIn())).code, 'SIGN_IN_TIMEOUT');
    if (isNewer) await scene.open({ signIn: scene.provider.signIn }).signIn();
    else await scene.signedIn();
    const { refreshToken } = scene.record;
    late.resolve({ access_token: 'late', refresh_token: 'late' });
    await delay(1);
    await shared.close();
    assert.is(scene.record.refreshToken, isNewer ? refreshToken : 'late');
  });
}

test('many callers without a sign-in ask the person once', async (scene) => {
  const { shared, call, answer } = await scene.signingIn();
  const calls = [call, ...Array.from({ length: 20 }, () => shared.getToken()), shared.signIn()];
  await answer();
  const tokens = await Promise.all(calls);
  assert.is(new Set(tokens.map(({ accessToken }) => accessToken)).size, 1);
  assert.is(scene.count('sign-in-started'), 1);
});

test('6 processes without a sign-in ask the person once; the others wait, and use its token, also if it is short-lived', async (scene) => {
  scene.provider.expiresIn = 60;
  const answer = Promise.withResolvers<TokenResponse>();
  const calls = Array.from({ length: 6 }, () => scene.open({ signIn: () => answer.promise }).getToken());
  await until(() => scene.count('waiting') === 5);
  answer.resolve(await scene.provider.signIn());
  const tokens = await Promise.all(calls);
  assert.is(new Set(tokens.map(({ accessToken }) => accessToken)).size, 1);
  assert.equal([scene.count('sign-in-started'), scene.provider.refreshes], [1, 0]);
});

for (const [what, reads, found, code] of [
  ['the store failed', 2, () => Promise.reject(new Error('the disk is busy')), 'STORE'],
  ['the sign-in of another process is gone', 1, async () => ({ refreshToken: 'gone' }), 'SIGN_IN_REQUIRED'],
] as const) {
  test(`signIn() asks itself if the getToken() that it has waited with asked nobody, because ${what}`, async (scene) => {
    const turn = Promise.withResolvers<void>();
    const other = scene.store.exclusively(signInLockName('my-app'), () => turn.promise);
    const shared = scene.open({ signIn: scene.provider.signIn });
    const call = rejection(shared.getToken());
    await scene.until('waiting');
    const signIn = shared.signIn();
    let left: number = reads;
    scene.store.get = () => {
      if (--left === 0) Reflect.deleteProperty(scene.store, 'get');
      return found();
    };
    turn.resolve();
    await other;
    assert.is((await call).code, code);
    assert.is((await signIn).accessToken, scene.record.accessToken);
  });
}

test('a process with hardly any time left, after it has waited for another one, does not ask the person', async (scene) => {
  const signIn = never;
  const first = rejection(scene.open({ signIn, signInTimeout: 960 }).getToken());
  await scene.until('sign-in-started');
  const second = rejection(scene.open({ signIn, signInTimeout: 1_000 }).getToken());
  for (const error of await Promise.all([first, second])) assert.is(error.code, 'SIGN_IN_TIMEOUT');
  assert.is(scene.count('sign-in-started'), 1);
});

test('signIn() asks the person although a valid token is stored', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const { accessToken } = scene.record;
  const contexts: SignInContext[] = [];
  const shared = scene.open({
    signIn: (context) => {
      contexts.push(context);
      return scene.provider.signIn();
    },
  });
  assert.is.not((await shared.signIn()).accessToken, accessToken);
  const [context] = contexts;
  assert.is(context?.reason, 'requested');
  const { timeout = 0 } = context ?? {};
  assert.ok(timeout > 170_000 && timeout <= 180_000, `${timeout} ms`);
  assert.is(context?.record?.accessToken, accessToken);
});

test('signIn() asks the person, too, if getToken() gets its token from the sign-in of another process meanwhile', async (scene) => {
  const { call: other, answer } = await scene.signingIn();
  const reasons: string[] = [];
  const shared = scene.open({
    signIn({ reason }) {
      reasons.push(reason);
      return scene.provider.signIn();
    },
  });
  const got = shared.getToken();
  await scene.until('waiting');
  const asked = shared.signIn();
  await answer();
  assert.equal((await got).accessToken, (await other).accessToken);
  assert.is.not((await asked).accessToken, (await other).accessToken);
  assert.equal(reasons, ['requested']);
});

test('signIn is told why the person is asked, and what was stored', async (scene) => {
  const told: [string, string | undefined][] = [];
  const options = {
    clientId: 'my-client',
    accepts: ({ scope }: { scope?: string | undefined }) => scope !== 'narrow',
    signIn: (({ reason, record }) => {
      told.push([reason, record?.refreshToken]);
      return scene.provider.signIn();
    }) satisfies SignIn,
  };
  await scene.open(options).getToken();
  await scene.store.set('my-app', { refreshToken: 'narrow', scope: 'narrow' });
  await scene.open(options).getToken();
  await scene.store.set('my-app', { refreshToken: 'unknown' });
  await scene.open(options).getToken();
  await scene.store.set('my-app', { refreshToken: 'of another', clientId: 'other' });
  await scene.open(options).getToken();
  assert.equal(told, [
    ['not-signed-in', undefined],
    ['not-accepted', 'narrow'],
    ['refused', 'unknown'],
    ['not-signed-in', undefined],
  ]);
});

test('signIn() with another function asks that one, for this call alone, and does not join a sign-in under way', async (scene) => {
  const first = Promise.withResolvers<TokenResponse>();
  let deviceCalls = 0;
  const device: SignIn = () => {
    deviceCalls++;
    return scene.provider.signIn();
  };
  const shared = scene.open({ signIn: () => first.promise });
  const byBrowser = shared.signIn();
  await scene.until('sign-in-started');
  const byDevice = shared.signIn({ signIn: device });
  first.resolve(await scene.provider.signIn());
  const tokens = await Promise.all([byBrowser, byDevice]);
  assert.is.not(tokens[0].accessToken, tokens[1].accessToken);
  assert.is(deviceCalls, 1);
  assert.is((await shared.getToken()).accessToken, tokens[1].accessToken);
  // It works without a signIn of the instance, too.
  await scene.open().signIn({ signIn: device });
  assert.is(deviceCalls, 2);
});

test('the end of a signIn() with another function opens no second window beside the shared one', async (scene) => {
  const [device, browser] = [Promise.withResolvers<TokenResponse>(), Promise.withResolvers<TokenResponse>()];
  let asked = 0;
  const signIn: SignIn = () => {
    asked++;
    return browser.promise;
  };
  const shared = scene.open({ signIn });
  const byDevice = shared.signIn({ signIn: () => device.promise });
  await scene.until('sign-in-started');
  const calls = [shared.signIn()];
  device.resolve(await scene.provider.signIn());
  await byDevice;
  calls.push(shared.signIn());
  browser.resolve(await scene.provider.signIn());
  await Promise.all(calls);
  assert.is(asked, 1);
});

test('the record of a sign-in names client, authority, scope and ID token', async (scene) => {
  scene.provider.extra = { scope: 'files', id_token: 'an-id-token' };
  const ours = { clientId: 'my-client', authority: 'https://login.test' };
  await scene.open({ ...ours, signIn: scene.provider.signIn }).getToken();
  const { clientId, authority, scope, idToken } = scene.record;
  assert.equal({ clientId, authority, scope, idToken }, { ...ours, scope: 'files', idToken: 'an-id-token' });
});

testSignedIn('a sign-in waits for a refresh that is under way, and its record is the one that stays', async (scene) => {
  const answer = scene.holdAnswers();
  const shared = scene.open({ signIn: scene.provider.signIn });
  const refreshed = shared.getToken();
  await scene.until('refresh-started');
  const signedIn = shared.signIn();
  await scene.until('sign-in-started');
  answer();
  await refreshed;
  const { accessToken } = await signedIn;
  assert.is(scene.record.accessToken, accessToken);
});

test.run();
