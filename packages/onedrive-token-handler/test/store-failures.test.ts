import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { OneDriveTokenError, type TokenRecord } from '../src/index.ts';
import { openScene, rejection } from './scene.ts';

const full = (): Error => Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });

test('if the store fills up during the refresh, the caller gets the new token, and it is stored later', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store });
  await handler.getToken();
  const { refreshToken } = store.records.get('my-app') as TokenRecord;
  store.refuse = (record) => (record.refreshToken === refreshToken ? undefined : full());
  const token = await handler.getToken({ forceRefresh: true });
  const failed = scene.events.find((event) => event.type === 'store-failed');
  assert.instance(failed?.error, OneDriveTokenError);
  assert.is(failed?.error.code, 'STORE');
  assert.is(store.records.get('my-app')?.refreshToken, refreshToken);
  assert.is(await handler.getToken(), token, 'the store is still full, but the next call does not fail');
  store.refuse = () => undefined;
  await scene.until(({ type }) => type === 'store-recovered');
  assert.is(store.records.get('my-app')?.accessToken, token);
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
  assert.is(error.errorDescription, undefined);
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
  rmSync(folder);
  mkdirSync(folder);
  chmodSync(folder, 0o700);
  assert.ok(await handler.getToken());
});

test('if both a store and a file are given, the store is used', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store, dbFilepath: scene.dbFilepath });
  assert.is(await handler.getToken(), store.records.get('my-app')?.accessToken);
  assert.not(existsSync(scene.dbFilepath));
});

test.run();
