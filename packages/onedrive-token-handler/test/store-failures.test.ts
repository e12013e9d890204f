import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TokenRecord } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection } from './scene.ts';
import { untilTrue } from './until-true.ts';

const full = (): Error => Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });

test("an asynchronous store of the caller's own works like the file", async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const store = new MemoryStore();
  await scene.handler({ store }).getToken();
  await scene.handler({ store, interactive: false }).getToken();
  assert.is(scene.windows.length, 1);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test('a store that is full before the refresh: the refresh token is not spent', async () => {
  await using scene = await openScene({ accessTokenTtl: 1 });
  const store = new MemoryStore();
  await scene.handler({ store }).getToken();
  await scene.tokenExpires(store);
  store.refuse = full;
  const error = await rejection(scene.handler({ store, interactive: false }).getToken());
  assert.is(error.code, 'STORE');
  assert.ok(error.retryable);
  assert.match(error.message, 'the disk is full');
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
});

test('if the store is full while the old token is valid, the caller gets the old token', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const store = new MemoryStore();
  const token = await scene.handler({ store }).getToken();
  store.refuse = full;
  assert.is(await scene.handler({ store, interactive: false }).getToken(), token);
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
});

test('if the store fills up during the refresh, the caller gets the new token, and the next call stores it', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  await handler.getToken();
  const { refreshToken } = store.records.get('my-app') as TokenRecord;
  store.refuse = (record) => (record.refreshToken === refreshToken ? undefined : full());
  const token = await handler.getToken({ forceRefresh: true });
  assert.ok(scene.events.some((event) => event.type === 'store-failed' && event.error.code === 'STORE'));
  assert.is(store.records.get('my-app')?.refreshToken, refreshToken);
  assert.is(await handler.getToken(), token, 'the store is still full, but the next call does not fail');
  await setImmediate();
  store.refuse = () => undefined;
  assert.is(await handler.getToken(), token);
  await scene.until(({ type }) => type === 'store-recovered');
  assert.is(store.records.get('my-app')?.accessToken, token);
});

test('the next refresh uses the newest refresh token, even if it could not be stored yet', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store, interactive: false });
  await scene.handler({ store }).getToken();
  const { refreshToken } = store.records.get('my-app') as TokenRecord;
  store.refuse = (record) => (record.refreshToken === refreshToken ? undefined : full());
  await handler.getToken({ forceRefresh: true });
  store.refuse = () => undefined;
  await handler.getToken({ forceRefresh: true });
  assert.is(scene.authority.count('token', 'refresh_token'), 2);
  await scene.handler({ store, interactive: false, expirySkew: 4_000_000 }).getToken();
  assert.is(scene.windows.length, 1, 'the grant was not revoked');
});

test('if a sign-in cannot be stored, the caller gets its token, and close() stores it at the latest', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  store.refuse = full;
  const token = await handler.getToken();
  assert.is(store.records.size, 0);
  store.refuse = () => undefined;
  await handler.close();
  assert.is(store.records.get('my-app')?.accessToken, token);
});

test('signOut() drops tokens that are not stored yet', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  store.refuse = full;
  await handler.getToken();
  store.refuse = () => undefined;
  await handler.signOut();
  await handler.close();
  assert.is(store.records.size, 0);
});

test('a file that is not a database is the error STORE, opens no browser, and stays as it is', async () => {
  await using scene = await openScene();
  writeFileSync(scene.dbFilepath, 'my shopping list, '.repeat(100));
  const before = readFileSync(scene.dbFilepath);
  const error = await rejection(scene.handler().getToken());
  assert.is(error.code, 'STORE');
  assert.not(error.retryable);
  assert.match(error.message, scene.dbFilepath);
  assert.ok(error.cause instanceof Error && 'code' in error.cause);
  assert.is(scene.windows.length, 0);
  assert.equal(readFileSync(scene.dbFilepath), before);
});

test('a wrong key is the error STORE, and the right one opens the tokens', async () => {
  await using scene = await openScene();
  // Not passphrases: to derive a key from one takes long.
  const [right, wrong] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  await scene.signedIn({ encryptionKey: right });
  const error = await rejection(scene.handler({ encryptionKey: wrong }).getToken());
  assert.is(error.code, 'STORE');
  assert.is((error.cause as { code?: string }).code, 'STORE_KEY');
  await scene.handler({ encryptionKey: right, interactive: false }).getToken();
});

test('a folder that could not be used is used as soon as it can be', async () => {
  await using scene = await openScene();
  const folder = join(scene.folder, 'later');
  writeFileSync(folder, '');
  const handler = scene.handler({ dbFilepath: join(folder, 'tokens.db') });
  assert.is((await rejection(handler.getToken())).code, 'STORE');
  const { rmSync } = await import('node:fs');
  rmSync(folder);
  mkdirSync(folder);
  chmodSync(folder, 0o700);
  assert.ok(await handler.getToken());
});

test('if the store throws during a sign-in, the caller gets the token, which replaces the older record as soon as the store works', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  await scene.signedIn({ store, scopes: ['Files.Read'] });
  let broken = false;
  const mend = { get: store.get.bind(store), set: store.set.bind(store) };
  // Not a rejection: a synchronous store throws.
  const orThrow =
    <A extends unknown[], T>(method: (...args: A) => T) =>
    (...args: A): T => {
      if (broken) throw new Error('the store is gone');
      return method(...args);
    };
  Object.assign(store, { get: orThrow(mend.get), set: orThrow(mend.set) });
  const openBrowser = (url: string): Promise<unknown> => {
    broken = true;
    return signInAs(url);
  };
  const handler = scene.handler({ store, scopes: ['User.Read'], openBrowser });
  const token = await handler.getToken();
  assert.is.not(store.records.get('my-app')?.accessToken, token);
  broken = false;
  assert.ok((await handler.status()).scopes.includes('User.Read'), 'the newest sign-in counts');
  await handler.getToken();
  await scene.until(({ type }) => type === 'store-recovered');
  assert.is(store.records.get('my-app')?.accessToken, token);
});

test('every error of a store becomes STORE, also a TypeError', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  await handler.getToken();
  const refusal = new TypeError('fetch failed');
  store.refuse = () => refusal;
  const error = await rejection(handler.getToken({ forceRefresh: true }));
  assert.is(error.code, 'STORE');
  assert.is(error.cause, refusal);
});

test('if the lock cannot be released, the caller still gets the token', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const exclusively = store.exclusively.bind(store);
  store.exclusively = async (appName, task) => {
    await exclusively(appName, task);
    throw Object.assign(new Error('the lock server is gone'), { code: 'ECONNRESET' });
  };
  const handler = scene.handler({ store });
  const first = await handler.getToken();
  const second = await handler.getToken({ forceRefresh: true });
  assert.is.not(second, first);
  assert.is(store.records.get('my-app')?.accessToken, second);
});

test('no caller waits for another attempt to store, and slow attempts come less often', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  await handler.getToken();
  const { refreshToken } = store.records.get('my-app') as TokenRecord;
  let refusals = 0;
  store.refuse = (record) => {
    if (record.refreshToken === refreshToken) return undefined;
    refusals++;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    return full();
  };
  const token = await handler.getToken({ forceRefresh: true });
  for (let call = 0; call < 5; call++) assert.is(await handler.getToken(), token);
  assert.is(refusals, 1, 'the one of the refresh itself');
  await untilTrue(() => refusals === 2);
  for (let call = 0; call < 5; call++) {
    await handler.getToken();
    await setImmediate();
  }
  assert.is(refusals, 2, 'the second attempt has only just failed');
  store.refuse = () => undefined;
});

test('a token that another process has refreshed is used at once, even if that process keeps the lock', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  await scene.start('./hold-lock.ts', [scene.dbFilepath, 'my-app']);
  const call = scene.handler({ interactive: false }).getToken();
  await scene.until((event) => event.type === 'waiting' && event.for === 'refresh');
  const { openTokenStore } = await import('token-store-sqlite');
  using store = openTokenStore(scene.dbFilepath);
  const record = store.get('my-app');
  assert.ok(record);
  // Short-lived, but newer than the call.
  const news = { accessToken: 'news', obtainedAt: Date.now(), expiresAt: Date.now() + 60_000 };
  store.replace('my-app', record.refreshToken, { ...record, ...news, refreshToken: 'rotated' });
  assert.is(await call, 'news');
  assert.not(scene.events.some(({ type }) => type === 'refresh-failed'));
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
});

test('if another process signs out, a call that waits ends in SIGN_IN_REQUIRED', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const holder = await scene.start('./hold-lock.ts', [scene.dbFilepath, 'my-app']);
  const call = rejection(scene.handler({ interactive: false }).getToken());
  await scene.until((event) => event.type === 'waiting' && event.for === 'refresh');
  const { openTokenStore } = await import('token-store-sqlite');
  using store = openTokenStore(scene.dbFilepath);
  store.delete('my-app');
  holder.kill();
  assert.is((await call).code, 'SIGN_IN_REQUIRED');
});

test('a sign-in is stored even if another process never releases the lock', async () => {
  await using scene = await openScene();
  await scene.signedIn({ scopes: ['Files.Read'] });
  await scene.start('./hold-lock.ts', [scene.dbFilepath, 'my-app']);
  const { scopes } = await scene.handler({ scopes: ['User.Read'], requestTimeout: 500 }).signIn();
  assert.ok(scopes.includes('User.Read'));
  assert.equal((await scene.handler({ scopes: ['User.Read'] }).status()).scopes, scopes);
  assert.not(scene.events.some(({ type }) => type === 'store-failed'));
});

test('close() ends the wait for a lock that another process holds', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  await scene.start('./hold-lock.ts', [scene.dbFilepath, 'my-app']);
  const handler = scene.handler({ requestTimeout: 30_000 });
  const call = rejection(handler.getToken());
  await scene.until((event) => event.type === 'waiting' && event.for === 'refresh');
  await handler.close();
  assert.is((await call).code, 'CLOSED');
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
});

test.run();
