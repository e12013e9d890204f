import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection } from './scene.ts';

test('if both a store and a file are given, the store is used', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store, dbFilepath: scene.dbFilepath });
  assert.is(await handler.getToken(), store.records.get('my-app')?.accessToken);
  assert.not(existsSync(scene.dbFilepath));
});

for (const nothing of [null, {}, { refreshToken: '' }, { refreshToken: 5 }, { accessToken: 'a', expiresAt: 1e15 }]) {
  test(`a store that returns ${JSON.stringify(nothing)} has no sign-in, and a new sign-in is stored in it`, async () => {
    await using scene = await openScene();
    const store = new MemoryStore();
    store.records.set('my-app', nothing as never);
    const handler = scene.handler({ store });
    assert.not((await handler.status()).signedIn);
    const error = await rejection(handler.getToken({ interactive: false }));
    assert.is(error.code, 'SIGN_IN_REQUIRED');
    assert.is(scene.authority.count('token', 'refresh_token'), 0);
    assert.is(await handler.getToken(), store.records.get('my-app')?.accessToken);
  });
}

test('a store may return null for an absent field, and times as text', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const [first, second] = ['first', 'second'].map((accessToken) => {
    const rest = { clientId: null, authority: null, scope: null, idToken: null, obtainedAt: null };
    return { refreshToken: 'r', accessToken, expiresAt: String(Date.now() + 3_600_000), ...rest };
  });
  store.records.set('my-app', first as never);
  const handler = scene.handler({ store, interactive: false });
  const { signedIn, scopes, account, accessTokenExpiresAt } = await handler.status();
  assert.equal([signedIn, scopes, account], [true, [], undefined]);
  assert.is(accessTokenExpiresAt, Number(first?.expiresAt));
  assert.is(await handler.getToken(), 'first');
  store.records.set('my-app', second as never);
  assert.is(await handler.getToken({ forceRefresh: true }), 'second');
});

test('a stored token is refreshed if its expiry is not a number', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  await scene.signedIn({ store });
  const { refreshToken } = store.records.get('my-app') as { refreshToken: string };
  for (const expiresAt of [Number.NaN, Number.POSITIVE_INFINITY, 'tomorrow', null, {}]) {
    const record = { ...store.records.get('my-app'), accessToken: 'endless', expiresAt };
    store.records.set('my-app', record as never);
    assert.is.not(await scene.handler({ store, interactive: false }).getToken(), 'endless');
  }
  assert.is.not(store.records.get('my-app')?.refreshToken, refreshToken);
});

test('a refresh that fails leaves the record exactly as it was', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  await scene.signedIn({ store });
  await scene.tokenExpires(store);
  const before = JSON.stringify(store.records.get('my-app'));
  scene.authority.fail('token', { type: 'oauth', error: 'invalid_client' });
  await rejection(scene.handler({ store }).getToken());
  assert.is(JSON.stringify(store.records.get('my-app')), before);
});

test('a closed handler lets the process end, even if its store never grants the lock', async () => {
  await using scene = await openScene();
  const program = `
    import { OneDriveTokenHandler } from 'onedrive-token-handler';
    const store = { get: () => ({ refreshToken: 'r' }), set() {}, replace: () => true, delete: () => true, list: () => [],
      exclusively: () => { console.log('asked'); return new Promise(() => {}); } };
    const handler = new OneDriveTokenHandler({ ...${scene.optionsFor({ requestTimeout: 100 })}, dbFilepath: undefined, store });
    const call = handler.getToken().catch((error) => console.log(error.code));
    setTimeout(() => handler.close(), 200);
    await call;`;
  const ended = await scene.run(['--input-type=module', '-e', program]);
  assert.is(ended.stdout, 'asked\nCLOSED\n');
  assert.is(ended.status, 0);
});

test.run();
