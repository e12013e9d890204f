import { readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { OneDriveTokenHandler, type TokenRecord, type TokenStore } from '../src/index.ts';
import { openScene } from './scene.ts';

const good = { appName: 'a', clientId: 'b', scopes: ['Files.Read'] };

const unusable: readonly (readonly [name: string, options: object, error: typeof TypeError | typeof RangeError])[] = [
  ['appName', { appName: '' }, TypeError],
  ['appName', { appName: undefined }, TypeError],
  ['appName', { appName: '\ud800' }, TypeError],
  ['appName', { appName: 'a\u001fb' }, TypeError],
  ['clientId', { clientId: 7 }, TypeError],
  ['scopes', { scopes: 'Files.Read' }, TypeError],
  ['scopes', { scopes: [] }, TypeError],
  ['scopes', { scopes: ['Files.Read User.Read'] }, TypeError],
  ['dbFilepath', { dbFilepath: '' }, TypeError],
  ['dbFilepath', { dbFilepath: null }, TypeError],
  ['dbFilepath', { dbFilepath: ':memory:' }, TypeError],
  ['dbFilepath', { dbFilepath: 'file:x.db' }, TypeError],
  ['encryptionKey', { encryptionKey: '' }, TypeError],
  ['encryptionKey', { encryptionKey: new Uint8Array(31) }, TypeError],
  ['encryptionKey', { encryptionKey: 5 }, TypeError],
  ['encryptionKey', { encryptionKey: 'x', store: new MemoryStore() }, TypeError],
  ['store', { store: {} }, TypeError],
  ['store', { store: new Map(), dbFilepath: 'x' }, TypeError],
  ['authority', { authority: null }, TypeError],
  ['authority', { authority: 'login.example.com' }, TypeError],
  ['authority', { authority: 'http://login.example.com/consumers' }, TypeError],
  ['authority', { authority: 'http://127.0.0.1.example.com' }, TypeError],
  ...['?x=1', '#x'].map((end) => ['authority', { authority: `https://example.com/${end}` }, TypeError] as const),
  ...['ada', ':pw'].map((user) => ['authority', { authority: `https://${user}@example.com` }, TypeError] as const),
  ['signInTimeout', { signInTimeout: null }, TypeError],
  ['signInTimeout', { signInTimeout: 0 }, RangeError],
  ['signInTimeout', { signInTimeout: Number.POSITIVE_INFINITY }, RangeError],
  ['signInTimeout', { signInTimeout: 2 ** 31 }, RangeError],
  ['requestTimeout', { requestTimeout: null }, TypeError],
  ['requestTimeout', { requestTimeout: -1 }, RangeError],
  ['requestTimeout', { requestTimeout: 2 ** 31 }, RangeError],
  ['requestTimeout', { requestTimeout: '5' }, TypeError],
  ['expirySkew', { expirySkew: null }, TypeError],
  ['expirySkew', { expirySkew: Number.NaN }, RangeError],
  ['responseMode', { responseMode: 'fragment' }, TypeError],
  ['redirectPort', { redirectPort: '8400' }, TypeError],
  ['redirectPort', { redirectPort: 65_536 }, RangeError],
  ['redirectPort', { redirectPort: 1.5 }, RangeError],
  ['redirectHost', { redirectHost: '0.0.0.0' }, TypeError],
  ['openBrowser', { openBrowser: 'firefox' }, TypeError],
  ['interactive', { interactive: 'no' }, TypeError],
  ['dispatcher', { dispatcher: {} }, TypeError],
  ['onEvent', { onEvent: 1 }, TypeError],
  ['scope', { scope: 'Files.Read' }, TypeError],
];
for (const [name, options, error] of unusable) {
  test(`${inspect(options, { breakLength: Infinity, maxArrayLength: 0 })} is a ${error.name} that names ${name}`, () => {
    assert.throws(
      () => new OneDriveTokenHandler({ ...good, ...options } as never),
      (thrown: unknown) => thrown instanceof error && thrown.message.includes(name),
    );
  });
}

for (const [value, shown] of [
  [null, 'null'],
  [{}, 'an object'],
  ['my-secret', 'a value of type string'],
  [7, '7'],
] as const) {
  test(`of a wrong value, a message says no more than: ${shown}`, () => {
    assert.throws(
      () => new OneDriveTokenHandler({ ...good, interactive: value } as never),
      ({ message }: Error) => message === `interactive must be a boolean, not ${shown}`,
    );
  });
}

test('a handler without options is a TypeError', () => {
  assert.throws(() => new OneDriveTokenHandler(undefined as never), TypeError);
});

test('an undefined option means its default', () => {
  new OneDriveTokenHandler({ ...good, authority: undefined, signInTimeout: undefined, onEvent: undefined });
});

test('a number may be the least or the most that it can be', () => {
  for (const redirectPort of [0, 65_535]) new OneDriveTokenHandler({ ...good, redirectPort });
  for (const timeout of [1, 2 ** 31 - 1]) {
    new OneDriveTokenHandler({ ...good, signInTimeout: timeout, requestTimeout: timeout });
  }
});

test('an authority without http:// is told so: `new URL` takes its host for a scheme', () => {
  const make = () => new OneDriveTokenHandler({ ...good, authority: 'localhost:8080' });
  assert.throws(make, /authority must be a URL, for example https:/);
});

test('an authority on loopback may use plain http', () => {
  for (const host of ['localhost:1', '127.0.0.1:1', '[::1]:1']) {
    new OneDriveTokenHandler({ ...good, authority: `http://${host}/consumers` });
  }
});

test("the caller's array of scopes is not changed", () => {
  const scopes = Object.freeze(['Files.Read']) as readonly string[];
  new OneDriveTokenHandler({ ...good, scopes });
  assert.equal(scopes, ['Files.Read']);
});

test('the handler keeps a copy of the key, so the caller may overwrite its bytes', async () => {
  await using scene = await openScene();
  const encryptionKey = Buffer.alloc(32, 7);
  const handler = scene.handler({ encryptionKey });
  encryptionKey.fill(0);
  await handler.signIn();
  const again = scene.handler({ encryptionKey: Buffer.alloc(32, 7), interactive: false });
  assert.ok((await again.status()).signedIn);
});

test('a file is opened when it is first used, and is where the handler was made', async () => {
  await using scene = await openScene();
  const before = process.cwd();
  process.chdir(scene.folder);
  const handler = scene.handler({ dbFilepath: 'mine.db' });
  process.chdir(before);
  assert.equal(readdirSync(scene.folder), []);
  await handler.status();
  assert.ok(readdirSync(scene.folder).includes('mine.db'));
});

test('an option of a call may be undefined, also for a strict compiler', async () => {
  await using scene = await openScene();
  const given: { signal: AbortSignal | undefined; interactive: boolean | undefined } = {
    signal: undefined,
    interactive: undefined,
  };
  const handler = scene.handler();
  const status = await handler.signIn({
    method: undefined,
    signal: given.signal,
    loginHint: undefined,
    prompt: undefined,
  });
  assert.ok(status.signedIn);
  assert.ok(await handler.getToken({ ...given, forceRefresh: undefined }));
  const record: TokenRecord = { refreshToken: 'x', accessToken: undefined, idToken: undefined };
  const store: TokenStore = new MemoryStore();
  await store.set('my-app', record);
  assert.ok((await scene.handler({ store }).status()).signedIn);
});

test.run();
