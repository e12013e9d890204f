import { randomBytes } from 'node:crypto';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { changeEncryptionKey, listAppNames, readRecord } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { failure, openScene, rejection } from './scene.ts';
import { untilTrue } from './until-true.ts';

/** Only the first test uses a passphrase, because to derive a key from one takes long. */
const [first, second] = [randomBytes(32), randomBytes(32)];

test('the key is added, changed and removed, and the sign-in stays', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { dbFilepath } = scene;
  const key = randomBytes(32);
  for (const [before, after] of [
    [undefined, 'pass phrase'],
    ['pass phrase', key],
    [key, undefined],
  ] as const) {
    await changeEncryptionKey({ dbFilepath, encryptionKey: before }, () => after);
    await using handler = scene.handler({ encryptionKey: after, interactive: false });
    await handler.getToken();
    if (after) assert.is((await rejection(listAppNames({ dbFilepath }))).code, 'STORE');
  }
  assert.is(scene.windows.length, 1);
});

test('a wrong key is the error STORE, before a new key is chosen', async () => {
  await using scene = await openScene();
  await scene.signedIn({ encryptionKey: first });
  let chosen = false;
  const changed = changeEncryptionKey({ dbFilepath: scene.dbFilepath, encryptionKey: second }, () => {
    chosen = true;
    return second;
  });
  const { code, cause } = await rejection(changed);
  assert.is(code, 'STORE');
  assert.is((cause as { code?: string }).code, 'STORE_KEY');
  assert.not(chosen);
});

test('if the new key cannot be chosen, nothing changes, and the caller gets the reason', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const reason = new Error('no keyring');
  const changed = changeEncryptionKey({ dbFilepath: scene.dbFilepath }, () => Promise.reject(reason));
  assert.is(await failure(changed), reason);
  assert.equal(await listAppNames({ dbFilepath: scene.dbFilepath }), ['my-app']);
});

test('changeEncryptionKey() refuses a store that a program in JavaScript passes to it', async () => {
  const options = { store: new MemoryStore() } as object;
  const error = await failure(changeEncryptionKey(options, () => 'pass phrase'));
  assert.instance(error, TypeError);
  assert.match(error.message, /changeEncryptionKey\(\) .*store/);
});

test('the result of a refresh that was sent is stored before the key changes', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  scene.authority.fail('token', { type: 'slow', ms: 400 });
  const refreshing = scene.handler({ interactive: false });
  const token = refreshing.getToken();
  await scene.untilRefreshing();
  await changeEncryptionKey({ dbFilepath: scene.dbFilepath }, () => first);
  await using later = scene.handler({ encryptionKey: first, interactive: false });
  assert.is(await later.getToken(), await token);
  assert.not(scene.events.some(({ type }) => type === 'store-failed'));
});

test('while the key changes no sign-in runs, and two changes run one after the other', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { dbFilepath } = scene;
  const answer = Promise.withResolvers<void>();
  let isChoosing = false;
  const changing = changeEncryptionKey({ dbFilepath }, async () => {
    isChoosing = true;
    await answer.promise;
    return first;
  });
  await untilTrue(() => isChoosing);
  let other = 'waits';
  const refused = rejection(
    changeEncryptionKey({ dbFilepath }, () => {
      other = 'chooses';
      return second;
    }),
  );
  const signingIn = scene.handler().signIn();
  await scene.until(({ type }) => type === 'waiting');
  assert.is(other, 'waits');
  answer.resolve();
  await changing;
  const { cause } = await refused;
  assert.is((cause as { code?: string }).code, 'STORE_KEY');
  await signingIn.catch(() => undefined);
  assert.equal(await listAppNames({ dbFilepath, encryptionKey: first }), ['my-app']);
});

test('a store of the caller is encrypted again by its own rekey(), under the locks of a file, and stays open', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const keys: unknown[] = [];
  using file = openTokenStore(scene.dbFilepath);
  const store = Object.assign(file, {
    rekey: (key: unknown) => {
      keys.push(key);
    },
  });
  const answer = Promise.withResolvers<string>();
  let isChoosing = false;
  const changed = changeEncryptionKey({ store }, () => {
    isChoosing = true;
    return answer.promise;
  });
  await untilTrue(() => isChoosing);
  const signingIn = scene.handler().signIn();
  await scene.until(({ type }) => type === 'waiting');
  assert.equal(keys, []);
  answer.resolve('new');
  await changed;
  assert.equal(keys, ['new']);
  await signingIn;
  assert.equal(file.list(), ['my-app']);
});

test('readRecord() reads what is stored under a name, whatever client id it is of', async () => {
  await using scene = await openScene();
  const { dbFilepath } = scene;
  assert.is(await readRecord('my-app', { dbFilepath }), undefined);
  await scene.signedIn();
  const record = await readRecord('my-app', { dbFilepath });
  assert.ok(record && scene.authority.issuedSecrets.has(record.refreshToken));
  assert.is(record?.clientId, scene.authority.clientId);
  assert.is(await readRecord('other', { dbFilepath }), undefined);
  assert.is((await rejection(readRecord('my-app', { dbFilepath, encryptionKey: first }))).code, 'STORE');
});

test.run();
