import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { MemoryStore, NotifyingStore } from './memory-store.ts';
import { Scene, test } from './scene.ts';

/** Another process that holds the lock, by default that of the record, until it is told to let go. */
async function holdLock(store: MemoryStore, name = 'my-app'): Promise<() => void> {
  const release = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  void store.exclusively(name, () => {
    held.resolve();
    return release.promise;
  });
  await held.promise;
  return release.resolve;
}

for (const [name, makeStore] of [
  ['tells of changes', () => new NotifyingStore()],
  ['cannot tell of changes', () => new MemoryStore()],
] as const) {
  test(`with a store that ${name}, a waiter takes the token that another process stores while it holds the lock`, async () => {
    await using scene = new Scene<MemoryStore>(makeStore());
    await scene.signedIn();
    const release = await holdLock(scene.store);
    const call = scene.open().getToken();
    await scene.until('waiting');
    // It expires soon, but it is newer than the call.
    const newer = { accessToken: 'newer', obtainedAt: Date.now(), expiresAt: Date.now() + 60_000 };
    await scene.store.set('my-app', { ...scene.record, ...newer, refreshToken: 'rotated' });
    assert.is((await within('the call', call, 1_000)).accessToken, 'newer');
    assert.is(scene.provider.refreshes, 0);
    assert.is(scene.count('refresh-failed'), 0);
    release();
  });

  test(`with a store that ${name}, a waiter refreshes when the lock becomes free and nothing was stored`, async () => {
    await using scene = new Scene<MemoryStore>(makeStore());
    await scene.signedIn();
    const release = await holdLock(scene.store);
    const call = scene.open().getToken();
    await scene.until('waiting');
    release();
    assert.is((await within('the call', call, 1_000)).accessToken, scene.record.accessToken);
    assert.is(scene.provider.refreshes, 1);
  });
}

test('a waiter takes it, too, if the store says only that it is gone when the wait ends', async (scene) => {
  await scene.signedIn();
  scene.store.exclusively = (_name, _task, { signal } = {}) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(Object.assign(new Error('gone'), { code: 'STORE_OPEN' })));
    });
  const call = scene.open().getToken({ forceRefresh: true });
  await scene.until('waiting');
  await scene.store.set('my-app', { accessToken: 'newer', refreshToken: 'rotated' });
  assert.is((await within('the call', call, 5_000)).accessToken, 'newer');
});

test('a process that has acquired the lock does not watch the record any more', async () => {
  await using scene = new Scene(new NotifyingStore());
  await scene.signedIn();
  const release = await holdLock(scene.store);
  const answer = Promise.withResolvers<void>();
  scene.provider.gate = answer.promise;
  const call = scene.open().getToken();
  await until(() => scene.store.watchers === 1);
  release();
  await scene.until('refresh-started');
  await until(() => scene.store.watchers === 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.is(scene.store.watchers, 0);
  answer.resolve();
  await call;
});

test('a store that tells of changes is not read again and again', async () => {
  await using scene = new Scene(new NotifyingStore());
  await scene.signedIn();
  const release = await holdLock(scene.store);
  const call = scene.open().getToken();
  await until(() => scene.store.watchers === 1);
  const { reads } = scene.store;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.is(scene.store.reads, reads);
  release();
  await call;
  await until(() => scene.store.watchers === 0);
});

test('a token that is stored right after the waiter has looked is not missed', async () => {
  await using scene = new Scene(new NotifyingStore());
  await scene.signedIn();
  const release = await holdLock(scene.store);
  const call = scene.open().getToken();
  await until(() => scene.store.reads === 1);
  const look = scene.store.holdRead();
  await until(() => scene.store.reads === 2);
  const newer = { accessToken: 'newer', obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
  await scene.store.set('my-app', { ...scene.record, ...newer });
  look();
  assert.is((await within('the call', call, 2_000)).accessToken, 'newer');
  release();
});

test('a store whose changed() fails is read as if it had none', async () => {
  await using scene = new Scene(new NotifyingStore());
  await scene.signedIn();
  scene.store.changed = () => Promise.reject(new Error('the connection is gone'));
  const release = await holdLock(scene.store);
  const call = scene.open().getToken();
  await scene.until('waiting');
  const newer = { accessToken: 'newer', obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
  await scene.store.set('my-app', { ...scene.record, ...newer });
  assert.is((await within('the call', call, 1_000)).accessToken, 'newer');
  release();
});

test('a store whose changed() resolves at once is read at the usual interval', async () => {
  await using scene = new Scene(new NotifyingStore());
  await scene.signedIn();
  let looks = 0;
  scene.store.changed = async () => {
    // Ends this test instead of hanging it.
    if (++looks > 1_000) await new Promise(() => {});
  };
  const release = await holdLock(scene.store);
  const call = scene.open().getToken();
  await scene.until('waiting');
  await new Promise((resolve) => setTimeout(resolve, 200));
  release();
  await within('the call', call, 5_000);
  assert.ok(looks < 20, `${looks} looks`);
});

test('a waiter gives up when the holder has had as long as a refresh may take, and 5 seconds for its writes', async () => {
  await using scene = new Scene(new MemoryStore());
  await scene.signedIn();
  const release = await holdLock(scene.store);
  const started = performance.now();
  const error = await rejection(scene.open({ refreshTimeout: 100 }).getToken());
  assert.equal([error.code, error.retryable], ['STORE', true]);
  assert.ok(performance.now() - started >= 5_050);
  release();
});

test('a wait of less than 150 ms makes no event, and reads no record', async () => {
  await using scene = new Scene(new MemoryStore());
  await scene.signedIn();
  await Promise.all([scene.open().getToken(), scene.open().getToken()]);
  assert.is(scene.count('waiting'), 0);
});

test.run();
