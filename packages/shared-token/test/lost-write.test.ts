import { runNode } from 'testing-authority/node-process';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { TokenRecord } from '../src/index.ts';
import { type Scene, test, testSignedIn } from './scene.ts';

// The provider has answered a refresh or a sign-in, and the answer cannot be written. The old refresh token is spent.

const failure = (code: string, reason?: string): Error => Object.assign(new Error(code), { code, reason });
const full = (): Error => failure('STORE_FULL');

/** From now on the store refuses the record of the next refresh, as `refuse` says. Returns how often it did. */
function refuseNext(scene: Scene, refuse: (attempt: number) => Error | undefined): { attempts: number } {
  const { refreshToken } = scene.record;
  const counted = { attempts: 0 };
  scene.store.refuse = (record: TokenRecord) =>
    record.refreshToken === refreshToken ? undefined : refuse(++counted.attempts);
  return counted;
}

for (const error of [full(), failure('STORE_BUSY'), failure('STORE_OPEN', 'unreachable'), new Error('unknown')]) {
  testSignedIn(
    `a store that fails for a moment (${error.message}): the lock is kept until the new token is written`,
    async (scene) => {
      const counted = refuseNext(scene, (attempt) => (attempt <= 1 ? error : undefined));
      const first = scene.open().getToken();
      first.catch(() => {});
      await until(() => counted.attempts > 0);
      const second = await within('the token', scene.open().getToken());
      assert.is((await first).accessToken, second.accessToken);
      assert.is(scene.provider.refreshes, 1, 'the other process does not spend the old refresh token');
      assert.ok(scene.provider.accepts(scene.record.refreshToken));
      assert.is(scene.count('store-failed'), 0);
    },
  );
}

testSignedIn(
  'a store that goes on failing: the caller has the token, and the lock is kept until it is written',
  async (scene) => {
    refuseNext(scene, full);
    const shared = scene.open();
    const { accessToken } = await within('the token', shared.getToken());
    assert.is(scene.count('store-failed'), 1);
    assert.is((await shared.getToken()).accessToken, accessToken);
    const waiting = scene.open().getToken();
    waiting.catch(() => {});
    await scene.until('waiting');
    scene.store.refuse = () => undefined;
    assert.is((await within('the token of the other process', waiting)).accessToken, accessToken);
    assert.equal([scene.provider.refreshes, scene.count('store-recovered')], [1, 1]);
  },
);

testSignedIn('no refresh is sent while a token waits to be written', async (scene) => {
  refuseNext(scene, full);
  const shared = scene.open({ refreshTimeout: 100 });
  await shared.getToken();
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).code, 'STORE');
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('close() tries to write, and lets go of the lock after 5 seconds', async (scene) => {
  refuseNext(scene, full);
  const shared = scene.open();
  await shared.getToken();
  await within('close()', shared.close(), 6_500);
  await within(
    'the lock',
    scene.store.exclusively('my-app', async () => {}),
    100,
  );
});

testSignedIn('close() writes what the store takes then', async (scene) => {
  refuseNext(scene, full);
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  scene.store.refuse = () => undefined;
  await within('close()', shared.close(), 1_000);
  assert.is(scene.record.accessToken, accessToken);
});

testSignedIn('a sign-out of another process wins over a write that is tried again', async (scene) => {
  const counted = refuseNext(scene, full);
  const call = scene.open().getToken();
  await until(() => counted.attempts > 0);
  await scene.open().signOut();
  scene.store.refuse = () => undefined;
  assert.is((await rejection(call)).reason, 'signed-out');
  assert.is(scene.store.records.size, 0);
});

testSignedIn('a sign-out ends the attempts, even if the store goes on failing', async (scene) => {
  const counted = refuseNext(scene, full);
  const shared = scene.open();
  await shared.getToken();
  await shared.signOut();
  const { attempts } = counted;
  await within(
    'the lock',
    scene.store.exclusively('my-app', async () => {}),
    1_000,
  );
  await shared.close();
  assert.is(counted.attempts, attempts);
  assert.is(scene.store.records.size, 0);
});

testSignedIn('nothing is put over what another process has stored since', async (scene) => {
  const counted = refuseNext(scene, full);
  const shared = scene.open();
  await shared.getToken();
  const newer = { accessToken: 'newer', refreshToken: 'newer', signedInAt: Date.now() };
  scene.store.records.set('my-app', newer);
  const { attempts } = counted;
  await until(() => counted.attempts > attempts || shared.peek()?.accessToken === 'newer');
  await shared.close();
  assert.equal(scene.record, newer);
});

testSignedIn('a write that was done although the store said no is found by the look that follows', async (scene) => {
  const replace = scene.store.replace.bind(scene.store);
  scene.store.replace = async (name, previous, record) => {
    const isDone = await replace(name, previous, record);
    if (record.refreshToken === previous) return isDone;
    scene.store.replace = replace;
    throw failure('STORE_OPEN', 'unreachable');
  };
  const { accessToken } = await scene.open().getToken();
  assert.is(scene.record.accessToken, accessToken);
  assert.is(scene.count('store-failed'), 0);
});

test('a sign-in that could not be written is stored over a refresh of the one before, and not over a later one', async (scene) => {
  for (const [signedInAt, isOver] of [
    [1, true],
    [Date.now() + 60_000, false],
  ] as const) {
    await scene.signedIn({ signedInAt: 1 });
    const shared = scene.open({ signIn: scene.provider.signIn });
    scene.store.refuse = full;
    const { accessToken } = await shared.signIn();
    scene.store.records.set('my-app', { ...scene.record, refreshToken: 'other', accessToken: 'other', signedInAt });
    scene.store.refuse = () => undefined;
    await shared.close();
    assert.is(scene.record.accessToken === accessToken, isOver);
  }
});

test('what waits to be written keeps no process alive', async () => {
  const program = `
    const real = setTimeout;
    globalThis.setTimeout = (run, ms) => real(run, ms === 10_000 ? 100 : ms);
    const { SharedToken } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url))});
    const { MemoryStore } = await import(${JSON.stringify(new URL('memory-store.ts', import.meta.url))});
    const store = new MemoryStore();
    await store.set('my-app', { refreshToken: 'old' });
    store.refuse = ({ refreshToken }) => refreshToken === 'old' ? undefined : new Error('the disk is full');
    const refresh = async () => ({ access_token: 'new', refresh_token: 'new' });
    console.log((await new SharedToken({ store, name: 'my-app', refresh }).getToken()).accessToken);`;
  const { status, stdout, stderr } = await runNode(['--input-type=module', '--eval', program]);
  assert.equal([status, stdout, stderr], [0, 'new\n', '']);
});

test('what read() returns and signIn gets is a copy: to change it changes nothing that is stored later', async (scene) => {
  scene.store.refuse = full;
  const shared = scene.open({ signIn: scene.provider.signIn });
  const { accessToken } = await shared.getToken();
  const change = (record?: TokenRecord): object => Object.assign(record as TokenRecord, { accessToken: 'another' });
  change(await shared.read());
  await rejection(shared.signIn({ signIn: ({ record }) => Promise.reject(change(record)) }));
  scene.store.refuse = () => undefined;
  await shared.close();
  assert.is(scene.record.accessToken, accessToken);
});

test('an answer that comes after a sign-out is not in memory, although it cannot be written', async (scene) => {
  const { shared, answer } = await scene.refreshing();
  await shared.signOut();
  scene.store.replace = () => new Promise(() => {});
  answer();
  await scene.until('store-failed');
  assert.is(shared.peek(), undefined);
});

test.run();
