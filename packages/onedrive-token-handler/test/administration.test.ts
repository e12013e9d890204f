import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signInAs } from 'testing-authority';
import { openFiles } from 'testing-authority/open-files';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import {
  changeEncryptionKey,
  forgetTokens,
  inspectStore,
  listAppNames,
  moveTokens,
  readRecord,
  type StoreOptions,
} from '../src/index.ts';
import { failure, openScene, rejection } from './scene.ts';

/** Keys, not passphrases: to derive keys from those takes long. */
const [one, two] = [randomBytes(32), randomBytes(32)];
const record = { refreshToken: 'secret', clientId: 'client', authority: 'https://id.example', scope: 'a b' };

/** The code of the store's error that became STORE. */
async function causeOf(promise: Promise<unknown>): Promise<unknown> {
  const { code, cause } = await rejection(promise);
  assert.is(code, 'STORE');
  return (cause as { code?: unknown }).code;
}

test('what is stored in a file is listed, read and forgotten, whatever client id it is of', async () => {
  await using scene = await openScene();
  const { dbFilepath } = scene;
  await scene.signedIn();
  assert.equal(await listAppNames({ dbFilepath }), ['my-app']);
  assert.is((await readRecord('my-app', { dbFilepath }))?.clientId, scene.authority.clientId);
  assert.is(await readRecord('other', { dbFilepath }), undefined);
  assert.is(await forgetTokens('my-app', { dbFilepath }), true);
  assert.is(await forgetTokens('my-app', { dbFilepath }), false);
  assert.equal(await listAppNames({ dbFilepath }), []);
});

test('no file stays open, also if something fails', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux lists the open files of a process');
  await using scene = await openScene();
  const { dbFilepath } = scene;
  await scene.signedIn();
  const countOpen = (): number => openFiles().filter((file) => file.startsWith(dbFilepath)).length;
  const before = countOpen();
  await readRecord('my-app', { dbFilepath });
  const refuse = (): never => {
    throw new Error('no key');
  };
  await failure(changeEncryptionKey({ dbFilepath }, refuse));
  assert.is(countOpen(), before);
});

test('to read a record changes nothing about the file, unless it is to be opened for writing', async () => {
  if (process.platform === 'win32') return console.log('skipped: files of Windows have no mode');
  await using scene = await openScene();
  const { dbFilepath } = scene;
  await scene.signedIn();
  chmodSync(dbFilepath, 0o644);
  for (const [readOnly, mode] of [
    [undefined, 0o644],
    [false, 0o600],
  ] as const) {
    assert.ok(await readRecord('my-app', { dbFilepath }, readOnly === false ? { readOnly } : {}));
    assert.is(statSync(dbFilepath).mode & 0o777, mode);
  }
});

test('what is wrong with a file is STORE, with the remedy of the store', async () => {
  await using scene = await openScene();
  const { dbFilepath } = scene;
  await scene.signedIn();
  assert.equal(await inspectStore({ dbFilepath }).then(({ path, state, error }) => [path, state, error]), [
    dbFilepath,
    'ours',
    undefined,
  ]);
  writeFileSync(dbFilepath, 'not a database');
  const { error } = await inspectStore({ dbFilepath });
  assert.is(error?.code, 'STORE');
  assert.match(String(error?.message), /Restore it from a backup/);
});

test('without a file nothing is stored, and none is made', async () => {
  await using scene = await openScene();
  const { dbFilepath } = scene;
  assert.equal(await listAppNames({ dbFilepath }), []);
  assert.is(await readRecord('my-app', { dbFilepath }), undefined);
  assert.is(await forgetTokens('my-app', { dbFilepath }), false);
  const to = { dbFilepath: join(scene.folder, 'to.db') };
  assert.is(await moveTokens('my-app', { from: { dbFilepath }, to }), 'not-signed-in');
  openTokenStore(dbFilepath).close();
  assert.is(await moveTokens('my-app', { from: { dbFilepath }, to }), 'not-signed-in');
  assert.not(existsSync(to.dbFilepath));
});

test('a file that cannot be read is STORE', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { dbFilepath } = scene;
  const bytes = readFileSync(dbFilepath);
  const pageSize = bytes.readUInt16BE(16);
  writeFileSync(dbFilepath, bytes.fill(0xff, pageSize, 3 * pageSize));
  for (const work of [
    listAppNames,
    (options: StoreOptions) => forgetTokens('my-app', options),
    (options: StoreOptions) => readRecord('my-app', options),
    ({ dbFilepath: file }: StoreOptions) => changeEncryptionKey({ dbFilepath: file }, () => one),
    (from: StoreOptions) => moveTokens('my-app', { from, to: { store: new MemoryStore() } }),
  ]) {
    assert.is(await causeOf(work({ dbFilepath })), 'STORE_CORRUPT');
  }
});

test('the key of a file is added, changed and removed, and the sign-in stays', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { dbFilepath } = scene;
  for (const [before, after] of [
    [undefined, two],
    [two, one],
    [one, undefined],
  ] as const) {
    await changeEncryptionKey({ dbFilepath, encryptionKey: before }, () => after);
    await using handler = scene.handler({ encryptionKey: after, interactive: false });
    await handler.getToken();
    if (after) assert.is(await causeOf(listAppNames({ dbFilepath })), 'STORE_KEY');
  }
  assert.is(scene.windows.length, 1);
});

test('the key of a file is not changed while a first sign-in runs, and the sign-in is stored', async () => {
  await using scene = await openScene();
  const { dbFilepath } = scene;
  openTokenStore(dbFilepath).close();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using handler = scene.handler({
    openBrowser: async (url) => {
      asked.resolve();
      await answer.promise;
      await signInAs(url);
    },
  });
  const signedIn = handler.signIn();
  await asked.promise;
  const changed = changeEncryptionKey({ dbFilepath }, () => one);
  await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, 200))]);
  answer.resolve();
  await Promise.all([signedIn, changed]);
  assert.equal(await listAppNames({ dbFilepath, encryptionKey: one }), ['my-app']);
});

test('a wrong key is STORE before a new key is chosen, and the reason why none can be chosen reaches the caller', async () => {
  await using scene = await openScene();
  const { dbFilepath } = scene;
  await scene.signedIn({ encryptionKey: one });
  const unreached = (): never => assert.unreachable('a key was chosen') as never;
  assert.is(await causeOf(changeEncryptionKey({ dbFilepath, encryptionKey: two }, unreached)), 'STORE_KEY');
  const reason = new Error('no keyring');
  const changed = changeEncryptionKey({ dbFilepath, encryptionKey: one }, () => Promise.reject(reason));
  assert.is(await failure(changed), reason);
  assert.equal(await listAppNames({ dbFilepath, encryptionKey: one }), ['my-app']);
});

test('a store of the caller is encrypted by its own rekey(), and has to have one', async () => {
  const keys: unknown[] = [];
  const store = Object.assign(new MemoryStore(), { rekey: (key: unknown) => void keys.push(key) });
  await changeEncryptionKey({ store }, () => 'new');
  assert.equal(keys, ['new']);
  const error = await failure(changeEncryptionKey({ store: new MemoryStore() } as object, () => 'new'));
  assert.instance(error, TypeError);
  assert.match(error.message, /changeEncryptionKey\(\) .*rekey/);
});

test('the tokens move from a file with one key to a file with another', async () => {
  await using scene = await openScene();
  const from = { dbFilepath: scene.dbFilepath, encryptionKey: one };
  const to = { dbFilepath: join(scene.folder, 'to.db'), encryptionKey: two };
  {
    using store = openTokenStore(scene.dbFilepath, { key: one });
    store.set('my-app', record);
  }
  assert.is(await moveTokens('my-app', { from, to }), 'moved');
  assert.equal(await readRecord('my-app', to), record);
  assert.equal(await listAppNames(from), []);
  assert.instance(await failure(moveTokens('my-app', { from, to, onMoved: () => {} } as never)), TypeError);
});

test('an interrupted move is not finished by the sign-in of another account at the target', async () => {
  const idToken = (sub: string): string => `.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.`;
  const stored = { ...record, idToken: idToken('one') };
  for (const [sub, outcome] of [
    ['one', 'moved'],
    ['two', 'already-there'],
  ] as const) {
    const [source, target] = [new MemoryStore(), new MemoryStore()];
    await source.set('my-app', stored);
    source.delete = () => Promise.reject(new Error('killed'));
    await failure(moveTokens('my-app', { from: { store: source }, to: { store: target } }));
    Reflect.deleteProperty(source, 'delete');
    source.records.delete('my-app');
    await target.set('my-app', { ...stored, refreshToken: 'other', idToken: idToken(sub) });
    assert.is(await moveTokens('my-app', { from: { store: source }, to: { store: target } }), outcome);
  }
});

test.run();
