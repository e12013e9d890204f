import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SharedTokenOptions } from '../src/index.ts';
import { type Scene, test, testSignedIn } from './scene.ts';

// A store that does not answer, as over a connection that swallows everything.

const methods = ['get', 'replace'] as const;
type Method = (typeof methods)[number];

/** From now on, calls of this method are not answered. Returns how to end that. */
function silence({ store }: Scene, method: Method): () => void {
  const original = store[method];
  const { promise, reject } = Promise.withResolvers<never>();
  store[method] = () => promise;
  return () => {
    Object.assign(store, { [method]: original });
    reject(new Error('the connection is gone'));
  };
}

/** A SharedToken with a token in memory that expires within the skew. */
async function expiringSoon(scene: Scene, options: Partial<SharedTokenOptions> = {}) {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  const shared = scene.open({ expirySkew: 0, ...options });
  const token = await shared.getToken();
  return { shared, token, call: () => shared.getToken({ minValid: 300_000 }) };
}

for (const method of methods) {
  test(`a token that is still valid is given out at once while ${method}() does not answer, and refreshed when it does`, async (scene) => {
    const { token, call } = await expiringSoon(scene, { refreshTimeout: 200 });
    const goOn = silence(scene, method);
    const started = performance.now();
    assert.equal(await call(), token);
    assert.ok(performance.now() - started < 1_500);
    for (let count = 0; count < 100; count++) assert.equal(await call(), token);
    assert.ok(performance.now() - started < 2_000, 'the next calls do not wait at all');
    goOn();
    await until(() => scene.count('refresh-failed') === 1);
    assert.is.not((await call()).accessToken, token.accessToken);
  });
}

test('a token that this process has not held yet is given out as well, if the store was read before it fell silent', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  const goOn = silence(scene, 'replace');
  const shared = scene.open({ expirySkew: 0 });
  const { accessToken } = await within('the token', shared.getToken({ minValid: 300_000 }));
  assert.is(accessToken, scene.record.accessToken);
  goOn();
});

test('a call that does not force gets it, also if it has joined one that does', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  scene.provider.failures.push(new TypeError('fetch failed'));
  const shared = scene.open();
  const token = await shared.getToken();
  const goOn = silence(scene, 'get');
  const forced = rejection(shared.getToken({ forceRefresh: true }));
  assert.equal(await within('the token', shared.getToken(), 5_000), token);
  goOn();
  assert.is((await forced).code, 'STORE');
});

test('a slow store fails no call whose token looks valid only because the clock was set back', async (scene) => {
  await scene.signedIn({ obtainedAt: undefined, expiresAt: Date.now() + 200 });
  const shared = scene.open({ expirySkew: 0 });
  const { accessToken } = await shared.getToken();
  await until(() => shared.peek() === undefined);
  const now = Date.now;
  Date.now = () => now() - 60_000;
  try {
    await until(() => shared.peek() === undefined);
    const answer = scene.store.holdRead();
    const call = shared.getToken();
    setTimeout(answer, 700);
    assert.is.not((await call).accessToken, accessToken);
  } finally {
    Date.now = now;
  }
});

test('what accepts throws while the store is silent reaches the callers, and ends no process', async (scene) => {
  const failure = new Error('no scopes');
  let isFailing = false;
  const accepts = (): boolean => {
    if (isFailing) throw failure;
    return true;
  };
  const { call } = await expiringSoon(scene, { accepts });
  const goOn = silence(scene, 'get');
  isFailing = true;
  for (let count = 0; count < 2; count++) assert.is(await rejection(call(), 5_000), failure);
  goOn();
});

testSignedIn('a token that was stored is given out although the lock is not released', async (scene) => {
  const exclusively = scene.store.exclusively.bind(scene.store);
  scene.store.exclusively = async (...given) => {
    await exclusively(...given);
    return new Promise(() => {});
  };
  const { accessToken } = await within('the token', scene.open().getToken(), 4_000);
  assert.is(accessToken, scene.record.accessToken);
});

testSignedIn('a store that gives the lock when no call waits for it any more: nothing is sent', async (scene) => {
  const { store, provider } = scene;
  const exclusively = store.exclusively.bind(store);
  const { promise: late, resolve } = Promise.withResolvers<void>();
  let promises = 0;
  store.exclusively = async (name, task, options) => {
    await late;
    // A store may count on it to release the lock.
    const run: typeof task = (lock) => {
      const result = task(lock);
      promises++;
      return result;
    };
    return exclusively(name, run, options);
  };
  const real = globalThis.setTimeout;
  // What a call waits for the lock, and 5 seconds. The other limits are longer.
  globalThis.setTimeout = ((callback: () => void, milliseconds: number) =>
    real(callback, milliseconds === 10_200 ? 0 : milliseconds)) as typeof setTimeout;
  try {
    assert.is((await rejection(scene.open({ refreshTimeout: 200 }).getToken())).code, 'STORE');
  } finally {
    globalThis.setTimeout = real;
  }
  resolve();
  await store.exclusively('my-app', async () => {});
  assert.equal([provider.refreshes, promises], [0, 2]);
});

for (const [what, isSignedOut, expected, says] of [
  ['does not say that the store was', false, ['STORE', 'Try again'], 'the provider'],
  ['after a sign-out says that', true, ['SIGN_IN_REQUIRED', 'Call signIn()'], 'A sign-out'],
] as const) {
  test(`a call that ends while the provider is slow ${what}`, async (scene) => {
    const real = globalThis.setTimeout;
    // The limit of the call. The others are shorter.
    globalThis.setTimeout = ((callback: () => void, milliseconds: number) =>
      real(callback, milliseconds > 41_000 ? 100 : milliseconds)) as typeof setTimeout;
    try {
      const { shared, call, answer } = await scene.refreshing();
      if (isSignedOut) await shared.signOut();
      const { code, remedy, problem } = await rejection(call);
      assert.equal([code, remedy], expected);
      assert.match(String(problem), says);
      answer();
    } finally {
      globalThis.setTimeout = real;
    }
  });
}

test('after a sign-out, a silent store gives out no token', async (scene) => {
  const { shared, call } = await expiringSoon(scene, { refreshTimeout: 200 });
  silence(scene, 'get');
  const waiting = rejection(call());
  await shared.signOut();
  assert.is((await waiting).code, 'SIGN_IN_REQUIRED');
  await until(() => scene.store.records.size === 0);
});

test.run();
