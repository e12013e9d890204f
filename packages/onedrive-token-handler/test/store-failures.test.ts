import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { forgetTokens, listAppNames, type StoreOptions, type TokenRecord } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection } from './scene.ts';
import { untilTrue } from './until-true.ts';

const full = (): Error => Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });

test('a store of the user, asynchronous, is as good as a file', async () => {
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

test('a store that is full while the old token is valid: that one is returned', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const store = new MemoryStore();
  const token = await scene.handler({ store }).getToken();
  store.refuse = full;
  assert.is(await scene.handler({ store, interactive: false }).getToken(), token);
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
});

test('a store that fills up during the refresh: the token is returned, and written by the next call', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  await handler.getToken();
  const { refreshToken } = store.records.get('my-app') as TokenRecord;
  store.refuse = (record) => (record.refreshToken === refreshToken ? undefined : full());
  const token = await handler.getToken({ forceRefresh: true });
  assert.ok(scene.events.some((event) => event.type === 'store-failed' && event.error.code === 'STORE'));
  assert.is(store.records.get('my-app')?.refreshToken, refreshToken);
  assert.is(await handler.getToken(), token, 'still full: the next call does not fail');
  await setImmediate();
  store.refuse = () => undefined;
  assert.is(await handler.getToken(), token);
  await scene.until(({ type }) => type === 'store-recovered');
  assert.is(store.records.get('my-app')?.accessToken, token);
});

test('while it can not be written, the next refresh spends the newest refresh token', async () => {
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

test('a sign-in that can not be written is returned, and written at close() at the latest', async () => {
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

test('signing out drops what was still to be written', async () => {
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

test('a file that is no database is STORE, opens no browser and stays as it is', async () => {
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

test('a wrong key is STORE, and the right one opens the tokens', async () => {
  await using scene = await openScene();
  await scene.signedIn({ encryptionKey: 'correct horse' });
  const error = await rejection(scene.handler({ encryptionKey: 'battery staple' }).getToken());
  assert.is(error.code, 'STORE');
  assert.is((error.cause as { code?: string }).code, 'STORE_KEY');
  await scene.handler({ encryptionKey: 'correct horse', interactive: false }).getToken();
});

test('a folder that could not be used works as soon as it can', async () => {
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

test('a sign-in that a store throws at is returned, and put over the older record as soon as it can be', async () => {
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

test('whatever a store throws is STORE, a TypeError too', async () => {
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

test('a lock that cannot be released costs no caller the token', async () => {
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

test('writing once more keeps no caller waiting, and is the rarer the longer it takes', async () => {
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
  assert.is(refusals, 1, 'of the refresh itself');
  await untilTrue(() => refusals === 2);
  for (let call = 0; call < 5; call++) {
    await handler.getToken();
    await setImmediate();
  }
  assert.is(refusals, 2, 'the second try has only just failed');
  store.refuse = () => undefined;
});

test('app names in a damaged file are STORE, to list and to forget', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { dbFilepath } = scene;
  const bytes = readFileSync(dbFilepath);
  const pageSize = bytes.readUInt16BE(16);
  writeFileSync(dbFilepath, bytes.fill(0xff, pageSize, 3 * pageSize));
  for (const work of [listAppNames, (options: StoreOptions) => forgetTokens('my-app', options)]) {
    const error = await rejection(work({ dbFilepath }));
    assert.is(error.code, 'STORE');
    assert.is((error.cause as { code?: string }).code, 'STORE_CORRUPT');
  }
});

test('another process that holds the lock and is stopped: STORE, worth retrying', async () => {
  await using scene = await openScene({ accessTokenTtl: 1 });
  await scene.signedIn();
  const { openTokenStore } = await import('token-store-sqlite');
  using store = openTokenStore(scene.dbFilepath);
  await scene.tokenExpires(store);
  const holder = await scene.start('./hold-lock.ts', [scene.dbFilepath, 'my-app']);
  process.kill(holder.pid, 'SIGSTOP');
  // The lock is waited for as long as one exchange may take, and 5 s for the holder's writes.
  const handler = scene.handler({ interactive: false, requestTimeout: 300 });
  const error = await rejection(handler.getToken());
  assert.is(error.code, 'STORE');
  assert.ok(error.retryable);
  assert.match(error.message, String(holder.pid));
  holder.kill();
  await untilTrue(() => holder.ended());
  await scene.handler({ interactive: false }).getToken();
});

test('what another process refreshed is used at once, even if that process keeps the lock', async () => {
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

test('a call that waits while another process signs out ends in SIGN_IN_REQUIRED', async () => {
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

test('a sign-in is stored although another process holds the lock and does not let go', async () => {
  await using scene = await openScene();
  await scene.signedIn({ scopes: ['Files.Read'] });
  await scene.start('./hold-lock.ts', [scene.dbFilepath, 'my-app']);
  const { scopes } = await scene.handler({ scopes: ['User.Read'], requestTimeout: 500 }).signIn();
  assert.ok(scopes.includes('User.Read'));
  assert.equal((await scene.handler({ scopes: ['User.Read'] }).status()).scopes, scopes);
  assert.not(scene.events.some(({ type }) => type === 'store-failed'));
});

test('closing ends the wait for a lock that another process holds', async () => {
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
