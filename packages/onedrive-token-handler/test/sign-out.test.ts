import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listAppNames } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection, type Scene } from './scene.ts';
import { untilTrue } from './until-true.ts';

test('signOut() deletes the tokens in memory and in the file', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  await handler.getToken();
  await handler.signOut();
  assert.not((await handler.status()).signedIn);
  assert.is((await rejection(handler.getToken({ interactive: false }))).code, 'SIGN_IN_REQUIRED');
});

for (const who of ['this handler', 'another process'] as const) {
  test(`a sign-out in ${who} during a refresh wins: no token comes back`, async () => {
    await using scene = await openScene({ accessTokenTtl: 60 });
    await scene.signedIn();
    const handler = scene.handler();
    const answer = Promise.withResolvers<void>();
    scene.authority.fail('token', { type: 'held', until: answer.promise });
    const refresh = rejection(handler.getToken());
    await untilTrue(() => scene.authority.count('token', 'refresh_token') === 1);
    await (who === 'this handler' ? handler.signOut() : signOutElsewhere(scene));
    answer.resolve();
    assert.is((await refresh).code, 'SIGN_IN_REQUIRED');
    assert.not((await handler.status()).signedIn);
    assert.is(scene.windows.length, 1, 'no browser after a sign-out');
  });
}

async function signOutElsewhere(scene: Scene): Promise<void> {
  const program = `
    import { OneDriveTokenHandler } from 'onedrive-token-handler';
    await new OneDriveTokenHandler(JSON.parse(process.argv[1])).signOut();`;
  const { status, stderr } = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()]);
  assert.is(status, 0, stderr);
}

test('signing out while a code is redeemed wins: nothing is stored, and no event says that a sign-in succeeded', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  scene.authority.fail('token', { type: 'slow', ms: 400 });
  const calls = [rejection(handler.signIn()), rejection(handler.getToken())];
  await untilTrue(() => scene.authority.count('token', 'authorization_code') === 1);
  await handler.signOut();
  for (const { code } of await Promise.all(calls)) assert.is(code, 'SIGN_IN_REQUIRED');
  assert.is((await rejection(handler.getToken({ interactive: false }))).code, 'SIGN_IN_REQUIRED');
  await handler.close();
  assert.equal(await listAppNames({ dbFilepath: scene.dbFilepath }), []);
  assert.not(scene.events.some(({ type }) => type === 'signed-in'));
});

test('a call after signOut() does not get the record that a slow store is still reading for an earlier call', async () => {
  await using scene = await openScene();
  const store = new MemoryStore();
  await scene.signedIn({ store });
  const handler = scene.handler({ store });
  let reads = 0;
  store.get = async (appName) => {
    const record = store.records.get(appName);
    reads++;
    await sleep(200);
    return record;
  };
  const before = rejection(handler.getToken());
  await untilTrue(() => reads === 1);
  await handler.signOut();
  assert.is((await rejection(handler.getToken({ interactive: false }))).code, 'SIGN_IN_REQUIRED');
  assert.is((await before).code, 'SIGN_IN_REQUIRED');
});

test('after another handler has signed out, a refresh that fails does not fall back to the old token', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  const handler = scene.handler({ requestTimeout: 1_300 });
  await handler.getToken();
  scene.authority.fail('token', { type: 'status', status: 503 }, { times: 9 });
  const refresh = rejection(handler.getToken());
  await scene.until(({ type }) => type === 'retry');
  await scene.handler().signOut();
  assert.is((await refresh).code, 'SIGN_IN_REQUIRED');
  assert.is(scene.windows.length, 1, 'no browser after a sign-out');
});

test.run();
