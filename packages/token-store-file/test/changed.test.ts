import fs, { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileTokenStore, type TokenStoreError } from '../src/index.ts';
import { startProgram } from './start-program.ts';

const text = '{ "version": 1, "records": { "app": { "refreshToken": "new" } } }';
const longMs = 20_000;
const soonMs = 5_000;

const writers: Record<string, (path: string) => unknown> = {
  'another process': (path) => startProgram('write', [path]).ended,
  'a program that writes the file in place': (path) => writeFileSync(path, text),
  'a program that renames a file of its own': (path) => {
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  },
  // A clock of the system may stand still for milliseconds.
  'a program that renames a file of the same size and time': (path) => {
    writeFileSync(`${path}.tmp`, text);
    utimesSync(`${path}.tmp`, 1, 1);
    renameSync(`${path}.tmp`, path);
  },
};
for (const [who, write] of Object.entries(writers)) {
  test(`changed resolves soon after a write of ${who}`, async () => {
    const path = join(temporaryDirectory(), 'tokens.json');
    writeFileSync(path, text.replace('new', 'old'));
    utimesSync(path, 1, 1);
    using store = openFileTokenStore(path);
    const started = performance.now();
    const changed = store.changed('app', { timeout: longMs });
    await write(path);
    const written = performance.now();
    await changed;
    assert.ok(performance.now() - started < longMs - 1_000 && performance.now() - written < soonMs);
    assert.equal(store.get('app'), { refreshToken: 'new' });
  });
}

test('a lock, and another file of the folder, are no change, and a wait looks no more often than every 50 ms', async () => {
  const path = join(temporaryDirectory(), 'tokens.json');
  using store = openFileTokenStore(path);
  const { statSync } = fs;
  let looks = 0;
  const countLooks = (...args: Parameters<typeof statSync>) => {
    if (args[0] === path) looks++;
    return statSync(...args);
  };
  Object.assign(fs, { statSync: countLooks });
  const started = performance.now();
  try {
    const changed = store.changed('app', { timeout: 400 });
    await store.exclusively('app', async () => {});
    fs.writeFileSync(`${path}.other`, '');
    await changed;
  } finally {
    Object.assign(fs, { statSync });
  }
  assert.ok(performance.now() - started >= 390);
  assert.ok(looks > 0 && looks <= 400 / 50 + 2, `${looks} looks`);
});

test('a wait of no time is over before the next look', async () => {
  using store = openFileTokenStore(join(temporaryDirectory(), 'tokens.json'));
  const waits: number[] = [];
  for (let times = 0; times < 10; times++) {
    const started = performance.now();
    await store.changed('app', { timeout: 0 });
    waits.push(performance.now() - started);
  }
  assert.ok(Math.min(...waits) < 40, `${waits}`);
});

test('a store that is closed ends every wait with STORE_OPEN, and a task that runs is not disturbed', async () => {
  const store = openFileTokenStore(join(temporaryDirectory(), 'tokens.json'));
  const task = store.exclusively('app', async () => {
    await delay(100);
    return 'done';
  });
  await delay(20);
  const waits = [
    store.changed('app', { timeout: longMs }),
    store.exclusively('app', async () => {}),
    store.exclusively('free', async () => {}),
  ];
  store[Symbol.dispose]();
  const later = [store.set('app', { refreshToken: 'x' }), store.changed('app', { timeout: 1 })];
  for (const wait of [...waits, ...later, (async () => store.get('app'))()]) {
    const { code, reason } = (await wait.then(
      () => assert.unreachable(),
      (error) => error,
    )) as TokenStoreError;
    assert.equal([code, reason], ['STORE_OPEN', 'closed']);
  }
  assert.is(await task, 'done');
});

test.run();
