import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection } from './scene.ts';

test('a store counts instead of a file that is named as well', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  const handler = scene.handler({ store, dbFilepath: scene.dbFilepath });
  assert.is(await handler.getToken(), store.records.get('my-app')?.accessToken);
  assert.not(existsSync(scene.dbFilepath));
});

for (const nothing of [null, {}, { refreshToken: '' }, { refreshToken: 5 }, { accessToken: 'a', expiresAt: 1e15 }]) {
  test(`a store that gives ${JSON.stringify(nothing)} has no sign-in, and takes one`, async () => {
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

test('a closed handler lets the process end, also where its store never gives the lock', async () => {
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
