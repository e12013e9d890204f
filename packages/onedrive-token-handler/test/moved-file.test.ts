import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openFiles } from 'testing-authority/open-files';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../src/store/open-store.ts';
import { openScene, rejection, type Scene } from './scene.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows lets no program replace or delete a file that SQLite has open');
  process.exit(0);
}

/** Resolves with a handler that opened the file before it was removed and another handler signed in. */
async function replaceUnder(scene: Scene): Promise<ReturnType<Scene['handler']>> {
  await scene.signedIn();
  const handler = scene.handler({ interactive: false });
  await handler.getToken();
  rmSync(scene.dbFilepath);
  await scene.signedIn();
  return handler;
}

function stored(scene: Scene): string | undefined {
  using store = openTokenStore(scene.dbFilepath);
  return store.get('my-app')?.accessToken;
}

test('if the open file was replaced by another, a refresh uses the record in the new file', async () => {
  await using scene = await openScene();
  const handler = await replaceUnder(scene);
  const signedIn = stored(scene);
  assert.is(await handler.getToken({ forceRefresh: true }), signedIn);
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
  const refreshed = await handler.getToken({ forceRefresh: true });
  assert.is(stored(scene), refreshed);
});

test('if the open file was replaced by another, signOut() deletes the tokens in the new file', async () => {
  await using scene = await openScene();
  const handler = await replaceUnder(scene);
  await handler.signOut();
  assert.is(stored(scene), undefined);
  assert.not((await handler.status()).signedIn);
});

test('if the open file was replaced by another, a sign-in is stored in the new file', async () => {
  await using scene = await openScene();
  const handler = await replaceUnder(scene);
  await handler.signIn();
  assert.is(stored(scene), await handler.getToken());
});

test('a wait for a change ends if the file is replaced by another', async () => {
  await using scene = await openScene();
  const { store, close } = openStore({ dbFilepath: scene.dbFilepath, encryptionKey: undefined });
  await store.set('my-app', { refreshToken: 'before' });
  const other = join(scene.folder, 'other.db');
  openTokenStore(other).close();
  const began = performance.now();
  const change = store.changed?.('my-app', { timeout: 5_000 });
  await sleep(50);
  renameSync(other, scene.dbFilepath);
  await change?.catch(() => {});
  assert.ok(performance.now() - began < 4_000);
  close();
});

/** How often this process has the file open, and those beside it. */
function countOpen({ dbFilepath }: Scene): number {
  return openFiles().filter((file) => file.startsWith(dbFilepath)).length;
}

test('of a file that is replaced again and again, only the newest one stays open, until close()', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux shows which files are open');
  await using scene = await openScene();
  const handler = await replaceUnder(scene);
  await handler.getToken({ forceRefresh: true });
  // token-store-sqlite keeps the file that it has made open.
  const before = countOpen(scene);
  for (let round = 0; round < 3; round++) {
    copyFileSync(scene.dbFilepath, join(scene.folder, 'copy.db'));
    renameSync(join(scene.folder, 'copy.db'), scene.dbFilepath);
    await Promise.all([handler.status(), handler.status(), handler.getToken({ forceRefresh: true })]);
    assert.is(countOpen(scene), before);
  }
  await handler.close();
  assert.is(countOpen(scene), before - 1);
});

test('close() closes the file, also if a call has waited for a lock of the one that was moved away', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux shows which files are open');
  await using scene = await openScene();
  const { store, close } = openStore({ dbFilepath: scene.dbFilepath, encryptionKey: undefined });
  await store.set('my-app', { refreshToken: 'before' });
  const held = Promise.withResolvers<void>();
  const holding = store.exclusively?.('my-app', () => held.promise, { timeout: 5_000 });
  const waiting = store.exclusively?.('my-app', async () => 'its turn', { timeout: 5_000 });
  await sleep(50);
  rmSync(scene.dbFilepath);
  await store.get('my-app');
  held.resolve();
  await holding;
  assert.is(await waiting, 'its turn');
  close();
  assert.is(countOpen(scene), 0);
});

test('a call that is about to open the file at close() rejects with CLOSED, and the file stays closed', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux shows which files are open');
  await using scene = await openScene();
  await scene.signedIn();
  const before = countOpen(scene);
  const { store, close } = openStore({ dbFilepath: scene.dbFilepath, encryptionKey: undefined });
  const call = rejection(store.get('my-app') as Promise<unknown>);
  close();
  assert.is((await call).code, 'CLOSED');
  assert.is(countOpen(scene), before);
});

test('a call that uses the file at close() rejects with CLOSED', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const handler = scene.handler();
  await handler.status();
  const call = rejection(handler.ensureWritable());
  await handler.close();
  assert.is((await call).code, 'CLOSED');
});

test('a failure of another kind does not open the file again', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux shows which files are open');
  await using scene = await openScene();
  await scene.signedIn();
  const { store, close } = openStore({ dbFilepath: scene.dbFilepath, encryptionKey: undefined });
  await store.get('my-app');
  const before = countOpen(scene);
  const failure = await (store.get('\ud800') as Promise<unknown>).catch((error: unknown) => error);
  assert.instance(failure, TypeError);
  assert.is(countOpen(scene), before);
  close();
});

test('the file tells of a change, not before', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { store, close } = openStore({ dbFilepath: scene.dbFilepath, encryptionKey: undefined });
  let isTold = false;
  const change = store.changed?.('my-app', { timeout: 10_000 }).then(() => {
    isTold = true;
  });
  await sleep(100);
  assert.not(isTold);
  await store.delete('my-app');
  await change;
  close();
});

test('a deleted file counts as a sign-out: no refresh token is spent', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const handler = scene.handler({ interactive: false });
  await handler.getToken();
  rmSync(scene.dbFilepath);
  const error = await rejection(handler.getToken({ forceRefresh: true }));
  assert.is(error.code, 'SIGN_IN_REQUIRED');
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
});

test.run();
