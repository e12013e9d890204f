import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OneDriveTokenHandler } from '../src/index.ts';

const good = { appName: 'a', clientId: 'b', scopes: ['Files.Read'] };

const unusable: [name: string, options: object, error: typeof TypeError | typeof RangeError][] = [
  ['appName', { appName: '' }, TypeError],
  ['appName', { appName: undefined }, TypeError],
  ['clientId', { clientId: 7 }, TypeError],
  ['scopes', { scopes: 'Files.Read' }, TypeError],
  ['scopes', { scopes: [] }, TypeError],
  ['scopes', { scopes: ['Files.Read User.Read'] }, TypeError],
  ['dbFilepath', { dbFilepath: '' }, TypeError],
  ['store', { store: {} }, TypeError],
  ['store', { store: new Map(), dbFilepath: 'x' }, TypeError],
  ['authority', { authority: 'login.example.com' }, TypeError],
  ['authority', { authority: 'http://login.example.com/consumers' }, TypeError],
  ['authority', { authority: 'http://127.0.0.1.example.com' }, TypeError],
  ['authority', { authority: 'https://example.com/?x=1' }, TypeError],
  ['signInTimeout', { signInTimeout: 0 }, RangeError],
  ['signInTimeout', { signInTimeout: Number.POSITIVE_INFINITY }, RangeError],
  ['signInTimeout', { signInTimeout: 2 ** 31 }, RangeError],
  ['requestTimeout', { requestTimeout: -1 }, RangeError],
  ['requestTimeout', { requestTimeout: '5' }, TypeError],
  ['expirySkew', { expirySkew: Number.NaN }, RangeError],
  ['responseMode', { responseMode: 'fragment' }, TypeError],
  ['openBrowser', { openBrowser: 'firefox' }, TypeError],
  ['interactive', { interactive: 'no' }, TypeError],
  ['dispatcher', { dispatcher: {} }, TypeError],
  ['onEvent', { onEvent: 1 }, TypeError],
];
for (const [name, options, error] of unusable) {
  test(`${error.name} names ${name} where it is ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => new OneDriveTokenHandler({ ...good, ...options } as never),
      (thrown: unknown) => thrown instanceof error && thrown.message.includes(name),
    );
  });
}

test('an undefined option is its default', () => {
  new OneDriveTokenHandler({ ...good, authority: undefined, signInTimeout: undefined, onEvent: undefined });
});

test('plain http is good enough on loopback', () => {
  for (const host of ['localhost:1', '127.0.0.1:1', '[::1]:1']) {
    new OneDriveTokenHandler({ ...good, authority: `http://${host}/consumers` });
  }
});

test("the caller's scopes are not changed", () => {
  const scopes = Object.freeze(['Files.Read']) as readonly string[];
  new OneDriveTokenHandler({ ...good, scopes });
  assert.equal(scopes, ['Files.Read']);
});

test('making a handler opens nothing', async () => {
  const handler = new OneDriveTokenHandler({ ...good, dbFilepath: '/nowhere/at/all/tokens.db' });
  await handler.close();
});

test.run();
