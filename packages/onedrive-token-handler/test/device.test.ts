import { approveDevice } from 'testing-authority';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { failure, openScene, rejection } from './scene.ts';

test('a device code is shown, approved on another device, and redeemed', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  const handler = scene.handler({ signInTimeout: 60_000 });
  const approved: Promise<void>[] = [];
  const status = await handler.signIn({
    method: 'device',
    onDeviceCode: ({ userCode, verificationUri, expiresAt }) => {
      const left = expiresAt - Date.now();
      assert.ok(left > 30_000 && left <= 60_000, 'no longer than signInTimeout');
      approved.push(approveDevice(verificationUri, userCode));
    },
  });
  await Promise.all(approved);
  assert.ok(status.signedIn);
  assert.ok(await handler.getToken());
});

test('a device code that the user denies ends in SIGN_IN_DENIED', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  const denied: Promise<void>[] = [];
  const signIn = scene.handler().signIn({
    method: 'device',
    onDeviceCode: ({ userCode, verificationUri }) =>
      void denied.push(approveDevice(verificationUri, userCode, { deny: true })),
  });
  assert.is((await rejection(signIn)).code, 'SIGN_IN_DENIED');
  await Promise.all(denied);
});

test('a device code that has expired at the provider ends in SIGN_IN_TIMEOUT', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  scene.authority.fail('token', { type: 'oauth', error: 'expired_token' });
  const error = await rejection(scene.handler().signIn({ method: 'device', onDeviceCode: () => {} }));
  assert.is(error.code, 'SIGN_IN_TIMEOUT');
  assert.is(error.error, 'expired_token');
});

test('a response without a usable device code ends in RESPONSE, and no code is shown', async () => {
  await using scene = await openScene();
  for (const field of ['device_code', 'user_code', 'verification_uri', 'expires_in']) {
    const change = (body: Record<string, unknown>): object => ({ ...body, [field]: undefined });
    scene.authority.fail('devicecode', { type: 'response', change });
    const onDeviceCode = (): void => assert.unreachable(field);
    const error = await rejection(scene.handler().signIn({ method: 'device', onDeviceCode }));
    assert.is(error.code, 'RESPONSE', field);
  }
});

test('the provider says how often it wants to be asked', async () => {
  await using scene = await openScene({ deviceInterval: 2 });
  const started = performance.now();
  await scene.handler().signIn({
    method: 'device',
    onDeviceCode: ({ userCode, verificationUri }) => approveDevice(verificationUri, userCode),
  });
  assert.ok(performance.now() - started > 1_900);
});

const never = (): Promise<never> => new Promise(() => {});

test('if onDeviceCode never resolves, the code can still be entered, and can be aborted', async () => {
  const enter = async (): Promise<void> => {
    await using scene = await openScene({ deviceInterval: 1 });
    const onDeviceCode = (device: { verificationUri: string; userCode: string }): Promise<never> => {
      void approveDevice(device.verificationUri, device.userCode);
      return never();
    };
    const status = await scene.handler().signIn({ method: 'device', onDeviceCode, signal: AbortSignal.timeout(9_000) });
    assert.ok(status.signedIn);
  };
  const giveUp = async (): Promise<void> => {
    await using scene = await openScene();
    const abort = new AbortController();
    const signIn = failure(scene.handler().signIn({ method: 'device', onDeviceCode: never, signal: abort.signal }));
    await until(() => scene.authority.count('devicecode') === 1);
    abort.abort(new Error('enough'));
    assert.is((await signIn).message, 'enough');
    // The next sign-in does not wait for it.
    await scene.handler().getToken();
  };
  await Promise.all([enter(), giveUp()]);
});

test('if onDeviceCode fails, the sign-in ends with its reason', async () => {
  await using scene = await openScene();
  const reason = new Error('the screen is broken');
  for (const onDeviceCode of [
    () => Promise.reject(reason),
    () => {
      throw reason;
    },
  ]) {
    assert.is(await failure(scene.handler().signIn({ method: 'device', onDeviceCode })), reason);
  }
  assert.is(scene.authority.count('token'), 0);
});

for (const [when, fault] of [
  ['in the pause before a retry', { type: 'status', status: 503, retryAfter: '4' }],
  ['during the request', { type: 'hang' }],
] as const) {
  test(`an abort ${when} fails the sign-in with its reason`, async () => {
    await using scene = await openScene();
    scene.authority.fail('devicecode', fault);
    const abort = new AbortController();
    const signIn = scene.handler().signIn({ method: 'device', onDeviceCode: () => {}, signal: abort.signal });
    const rejected = failure(signIn);
    if (fault.type === 'hang') await until(() => scene.authority.count('devicecode') === 1);
    else await scene.until(({ type }) => type === 'retry');
    const reason = new Error('enough');
    const aborted = performance.now();
    abort.abort(reason);
    assert.is(await rejected, reason);
    await scene.until(({ type }) => type === 'sign-in-failed');
    assert.ok(performance.now() - aborted < 3_000, 'at once');
    const failed = scene.events.find((event) => event.type === 'sign-in-failed');
    assert.is(failed?.type === 'sign-in-failed' && failed.error, reason);
  });
}

test('if the provider asks for a pause of 0 s, it gets at most one poll a second', async () => {
  await using scene = await openScene({ deviceInterval: 0 });
  const abort = new AbortController();
  const started = performance.now();
  const signIn = failure(scene.handler().signIn({ method: 'device', onDeviceCode: () => {}, signal: abort.signal }));
  await until(() => scene.authority.count('token') === 2);
  assert.ok(performance.now() - started >= 2_000);
  abort.abort();
  await signIn;
});

test.run();
