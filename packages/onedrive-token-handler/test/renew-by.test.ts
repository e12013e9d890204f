import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import type { TokenRecord } from '../src/index.ts';
import { statusOfRecord } from '../src/sign-in-status.ts';
import { openScene } from './scene.ts';

const day = 24 * 60 * 60 * 1000;

test('renewBy is 90 days after the last refresh, and moves with each refresh', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  assert.not('renewBy' in (await handler.status()));
  const { refreshedAt = 0, renewBy } = await handler.signIn();
  assert.is(renewBy, refreshedAt + 90 * day);
  assert.is((await handler.status()).renewByIsEstimate, true);
  await handler.getToken({ forceRefresh: true });
  assert.ok(((await handler.status()).renewBy ?? 0) > (renewBy ?? 0));
});

test('renewBy is what refresh_token_expires_in of the answer says', async () => {
  await using scene = await openScene();
  const change = (answer: object): object => ({ ...answer, refresh_token_expires_in: (30 * day) / 1000 });
  scene.authority.fail('token', { type: 'response', change });
  const { refreshedAt = 0, renewBy, renewByIsEstimate } = await scene.handler().signIn();
  assert.equal([renewBy, renewByIsEstimate], [refreshedAt + 30 * day, false]);
});

for (const [what, times, needsSignIn] of [
  ['has time left', { refreshExpiresAt: Date.now() + day }, undefined],
  ['ended by the word of the provider', { refreshExpiresAt: Date.now() - day }, true],
  ['ended by the estimate', { obtainedAt: Date.now() - 91 * day }, undefined],
  ['was refused', { refusedAt: Date.now() - day, refusedBecause: 'invalid_grant' }, true],
] satisfies [string, Partial<TokenRecord>, true | undefined][]) {
  test(`a sign-in that ${what}: needsSignIn is ${needsSignIn}`, () => {
    const record = { refreshToken: 'x', accessToken: 'y', expiresAt: Date.now() + day, ...times };
    const status = statusOfRecord(record, { appName: 'app', clientId: 'ours' });
    assert.is(status.needsSignIn, needsSignIn);
    const { refusedAt, refusedBecause }: Partial<TokenRecord> = times;
    assert.equal([status.refusedAt, status.refusedBecause], [refusedAt, refusedBecause]);
  });
}

test('an access token alone is no sign-in', () => {
  const record = { accessToken: 'y', expiresAt: Date.now() + day };
  const status = statusOfRecord(record, { appName: 'app', clientId: 'ours' });
  assert.equal(status, { signedIn: false, appName: 'app', scopes: [] });
});

test('a record of the Python class does not say when it was obtained, so renewBy is not known', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  await store.set('my-app', { refreshToken: 'x' });
  const status = await scene.handler({ store }).status();
  assert.ok(status.signedIn);
  assert.not('renewBy' in status);
});

test.run();
