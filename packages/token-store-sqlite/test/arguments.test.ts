import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectTokenStore, openTokenStore, SqliteTokenStore, TokenStoreError } from '../src/index.ts';

const directory = temporaryDirectory();
const store = openTokenStore(join(directory, 'tokens.db'));
const secret = 'a-secret-that-must-not-be-shown';

/** The error's message must name the argument, and must not repeat a value that may be a token. */
function refuses(act: () => unknown, message: RegExp, type: new (...args: never[]) => Error = TypeError): void {
  assert.throws(act, (error: Error) => {
    assert.instance(error, type);
    assert.match(error.message, message);
    assert.not.match(error.stack ?? '', secret);
    return true;
  });
}

const any = (value: unknown): never => value as never;

test('a path must be the name of a file', () => {
  for (const path of [undefined, null, 5, new URL('file:///tmp/x')])
    refuses(() => openTokenStore(any(path)), /^path must be a string/);
  for (const path of ['', 'a\0b', ':memory:', 'file:tokens.db'])
    for (const use of [openTokenStore, inspectTokenStore]) refuses(() => use(path), /^path must be the name/);
  // A URL may hold a secret.
  for (const path of [':memory:', 'file:tokens.db?key=k'])
    refuses(() => openTokenStore(path), /not :memory: or a URL$/);
  refuses(() => openTokenStore(join(directory, 'blank ')), /^path must not end with a space/);
  assert.not.ok(existsSync(join(directory, 'blank ')), 'the file was made');
  if (process.platform === 'win32') return console.log('skipped: Windows has no names that end with a space');
  // A link to it would lead to another file: the one with that name, but without the space.
  const target = join(directory, 'tokens.db ');
  writeFileSync(target, '', { mode: 0o600 });
  symlinkSync(target, join(directory, 'link'));
  for (const use of [openTokenStore, inspectTokenStore])
    refuses(() => use(join(directory, 'link')), /^path must not end with a space/);
});

test('options must not be null, and a key must be a passphrase or 32 bytes', () => {
  const path = join(directory, 'not-made.db');
  store.set('app', { refreshToken: 'r' });
  refuses(() => openTokenStore(path, any(null)), /'options'/);
  for (const key of [5, null, {}, new Uint8Array(0), new Uint8Array(31), new Uint8Array(33), '', '\ud800']) {
    for (const file of [path, store.path]) refuses(() => openTokenStore(file, { key: any(key) }), /^key must/);
    if (key !== undefined) refuses(() => store.rekey(any(key)), /^key must/);
  }
  refuses(() => openTokenStore(path, { key: any([secret]) }), /^key must/);
  assert.not.ok(existsSync(path), 'the file was made');
});

test('an app name must be a well-formed string', async () => {
  for (const name of [5, '\ud800']) {
    refuses(() => store.get(any(name)), /^appName must/);
    refuses(() => store.set(any(name), { refreshToken: 'r' }), /^appName must/);
    refuses(() => store.replace(any(name), undefined, { refreshToken: 'r' }), /^appName must/);
    refuses(() => store.delete(any(name)), /^appName must/);
    for (const call of [store.exclusively(any(name), async () => {}), store.changed(any(name), { timeout: 0 })]) {
      assert.match(String(await call.catch((error: Error) => error.message)), /^appName must/);
    }
  }
  refuses(() => store.replace('app', any(null), { refreshToken: 'r' }), /^previous must be a string/);
});

test('a closed store says so, and can be closed again', async () => {
  const closed = new SqliteTokenStore(join(directory, 'closed.db'));
  closed[Symbol.dispose]();
  const acts = [
    () => closed.get('app'),
    () => closed.set('app', { refreshToken: 'r' }),
    () => closed.replace('app', 'r', { refreshToken: 'r' }),
    () => closed.delete('app'),
    () => closed.list(),
    () => closed.rekey(undefined),
  ];
  for (const act of acts) refuses(act, /this store was closed. Open it again/, TokenStoreError as never);
  const outcomes = [closed.exclusively('app', async () => {}), closed.changed('app', { timeout: 5 })];
  for (const outcome of outcomes) {
    const error = await outcome.catch((error: TokenStoreError) => error);
    assert.equal([error?.code, error?.reason], ['STORE_OPEN', 'closed']);
  }
  closed.close();
});

test('callers that wait reject when their store is closed, and a task that runs keeps its lock', async () => {
  const path = join(directory, 'closing.db');
  const first = openTokenStore(path);
  using second = openTokenStore(path);
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const running = first.exclusively('app', () => {
    begun.resolve();
    return end.promise;
  });
  await begun.promise;
  const waiting = first.exclusively('app', async () => assert.unreachable('the task ran'));
  const other = second.exclusively('app', async () => 'next');
  first.close();
  assert.is(await waiting.catch((error: TokenStoreError) => error.code), 'STORE_OPEN');
  const tick = new Promise((resolve) => setImmediate(resolve, 'waits'));
  assert.is(await Promise.race([other, tick]), 'waits', 'the lock was lost');
  end.resolve();
  await running;
  assert.is(await other, 'next');
});

test.after(() => store.close());
test.run();
