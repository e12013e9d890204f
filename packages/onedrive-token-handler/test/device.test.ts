import { approveDevice } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { failure, openScene, rejection, untilTrue } from './scene.ts';

test('a device code is shown, approved elsewhere and redeemed', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  const handler = scene.handler();
  const approved: Promise<void>[] = [];
  const status = await handler.signIn({
    method: 'device',
    onDeviceCode: ({ userCode, verificationUri, expiresAt }) => {
      assert.ok(expiresAt > Date.now() && expiresAt <= Date.now() + 10_000, 'no longer than signInTimeout');
      approved.push(approveDevice(verificationUri, userCode));
    },
  });
  await Promise.all(approved);
  assert.ok(status.signedIn);
  assert.ok(await handler.getToken());
});

test('a device code that is denied: SIGN_IN_DENIED', async () => {
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

test('a device code that nobody enters: SIGN_IN_TIMEOUT', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  const signIn = scene.handler({ signInTimeout: 1_500 }).signIn({ method: 'device', onDeviceCode: () => {} });
  assert.is((await rejection(signIn)).code, 'SIGN_IN_TIMEOUT');
});

test('polling slows down as it is told, survives an offline moment, and ends by an abort', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  scene.authority.fail('token', { type: 'drop', when: 'before' });
  const abort = new AbortController();
  const signIn = scene.handler().signIn({ method: 'device', onDeviceCode: () => {}, signal: abort.signal });
  await untilTrue(() => scene.authority.count('token') >= 2, 8_000);
  abort.abort(new Error('enough'));
  assert.is((await failure(signIn)).message, 'enough');
});

test.run();
