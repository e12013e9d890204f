import * as assert from 'uvu/assert';
import { type Scene, test, testSignedIn } from './scene.ts';

const minute = 60_000;
const hour = 60 * minute;

/** Stores a sign-in whose access token has so many minutes left of its life. */
async function signedIn(scene: Scene, left: number, lifetime = 60): Promise<void> {
  const expiresAt = Date.now() + left * minute;
  await scene.signedIn({ expiresAt, obtainedAt: expiresAt - lifetime * minute });
}

test('a stored token that expires sooner than minValid is refreshed, and only then', async (scene) => {
  await signedIn(scene, 20);
  const { accessToken } = scene.record;
  assert.is((await scene.open().getToken()).accessToken, accessToken);
  assert.is((await scene.open().getToken({ minValid: 19 * minute })).accessToken, accessToken);
  const fresh = await scene.open().getToken({ minValid: 30 * minute });
  assert.is.not(fresh.accessToken, accessToken);
  assert.ok(fresh.expiresAt - Date.now() > 30 * minute);
  assert.is(scene.count('refreshed'), 1);
});

test('a stored token whose last millisecond has come is refreshed', async (scene) => {
  const now = Date.now();
  await scene.signedIn({ expiresAt: now, obtainedAt: now - hour });
  const { accessToken } = scene.record;
  const clock = Date.now;
  Date.now = () => now;
  try {
    assert.is.not((await scene.open({ expirySkew: 0 }).getToken()).accessToken, accessToken);
  } finally {
    Date.now = clock;
  }
});

test('a token in memory that expires sooner than minValid is refreshed, and only then', async (scene) => {
  await signedIn(scene, 20);
  const shared = scene.open();
  const held = await shared.getToken();
  assert.is(shared.peek({ minValid: 19 * minute })?.accessToken, held.accessToken);
  assert.is(shared.peek({ minValid: 30 * minute }), undefined);
  const fresh = await shared.getToken({ minValid: 30 * minute });
  assert.is.not(fresh.accessToken, held.accessToken);
  assert.is((await shared.getToken({ minValid: 30 * minute })).accessToken, fresh.accessToken);
});

test('a call with minValid does not join one that asks for less', async (scene) => {
  await signedIn(scene, 20);
  const { accessToken } = scene.record;
  const shared = scene.open();
  const tokens = await Promise.all([shared.getToken(), shared.getToken({ minValid: 30 * minute })]);
  assert.is(tokens[0].accessToken, accessToken);
  assert.is.not(tokens[1].accessToken, accessToken);
});

test('a call with minValid does not join one that asks for more than the life of the token, which counts as half of it', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() - 1_000_000, expiresAt: Date.now() + 2_600_000 });
  const shared = scene.open();
  const [more, less] = await Promise.all([5_000_000, 3_000_000].map((minValid) => shared.getToken({ minValid })));
  assert.is(scene.provider.refreshes, 1);
  assert.is.not(more?.accessToken, less?.accessToken);
});

test('minValid counts without an expirySkew, too', async (scene) => {
  await signedIn(scene, 20);
  const shared = scene.open({ expirySkew: 0 });
  const { accessToken } = await shared.getToken();
  assert.is.not((await shared.getToken({ minValid: 30 * minute })).accessToken, accessToken);
});

test("if the provider's tokens live shorter than minValid, they are refreshed after half of their life", async (scene) => {
  await signedIn(scene, 11, 20);
  const { accessToken } = scene.record;
  assert.is((await scene.open().getToken({ minValid: 30 * minute })).accessToken, accessToken);
  await signedIn(scene, 9, 20);
  await scene.open().getToken({ minValid: 30 * minute });
  assert.is(scene.count('refreshed'), 1);
});

test("minValid that is nearly the life of the provider's tokens is no reason to refresh them in the first half of it", async (scene) => {
  await signedIn(scene, 31);
  const { accessToken } = scene.record;
  assert.is((await scene.open().getToken({ minValid: 55 * minute })).accessToken, accessToken);
  await scene.open().getToken({ minValid: 54 * minute });
  assert.is(scene.count('refreshed'), 1);
});

test("minValid that is just the life of the provider's tokens is no reason to refresh at every call", async (scene) => {
  await scene.signedIn();
  const shared = scene.open({ expirySkew: 0 });
  const { accessToken } = await shared.getToken({ minValid: hour });
  assert.is((await shared.getToken({ minValid: hour })).accessToken, accessToken);
  assert.is((await scene.open().getToken({ minValid: hour })).accessToken, accessToken);
  assert.is(scene.provider.refreshes, 1);
});

test('a call with minValid that comes during a forced one does not get the shorter token that this one found', async (scene) => {
  await signedIn(scene, 50);
  const shared = scene.open();
  await shared.getToken();
  await signedIn(scene, 20);
  const found = scene.record.accessToken;
  const [forced, long] = await Promise.all([
    shared.getToken({ forceRefresh: true }),
    shared.getToken({ minValid: 53 * minute }),
  ]);
  assert.is(forced.accessToken, found);
  assert.ok(long.expiresAt - Date.now() > 53 * minute);
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('a token that is fresh and still expires sooner than minValid is returned', async (scene) => {
  const { expiresAt } = await scene.open().getToken({ minValid: 24 * hour });
  assert.ok(expiresAt - Date.now() < 24 * hour);
});

test('a token is refreshed in the last tenth of its life, if that is shorter than expirySkew', async (scene) => {
  await signedIn(scene, 1.1, 10);
  const { accessToken } = scene.record;
  assert.is((await scene.open().getToken()).accessToken, accessToken);
  await signedIn(scene, 0.9, 10);
  await scene.open().getToken();
  assert.is(scene.count('refreshed'), 1);
});

test('if a record does not say when its token was obtained, all of expirySkew counts', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 4 * minute, obtainedAt: undefined });
  await scene.open().getToken();
  assert.is(scene.count('refreshed'), 1);
});

test('a record that does not say when its token was obtained is refreshed for minValid', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 20 * minute, obtainedAt: undefined });
  await scene.open().getToken({ minValid: 30 * minute });
  assert.is(scene.count('refreshed'), 1);
});

test('if that refresh fails, the old token is returned while it is valid', async (scene) => {
  await signedIn(scene, 20);
  const { accessToken } = scene.record;
  const refresh = async (): Promise<never> => {
    throw new Error('offline');
  };
  const token = await scene.open({ refresh }).getToken({ minValid: 30 * minute });
  assert.is(token.accessToken, accessToken);
  assert.is(scene.count('refresh-failed'), 1);
});

for (const [minValid, kind] of [
  ['30m', TypeError],
  [-1, RangeError],
  [Number.NaN, RangeError],
] as const) {
  test(`minValid ${minValid} is a ${kind.name} that names it, with and without a token in memory`, async (scene) => {
    await signedIn(scene, 20);
    const shared = scene.open();
    for (let time = 0; time < 2; time++) {
      const error = await shared.getToken({ minValid: minValid as number }).catch((reason: unknown) => reason);
      assert.instance(error, kind);
      assert.match((error as Error).message, 'minValid');
      await shared.getToken();
    }
  });
}

test.run();
