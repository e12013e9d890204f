import { setTimeout as sleep } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { TokenRecord, TokenResponse } from '../src/index.ts';
import { openScene, type Scene, test, testSignedIn } from './scene.ts';

// The provider has answered a refresh, and its answer cannot be written. The old refresh token is spent.

const failure = (code: string, reason?: string): Error => Object.assign(new Error(code), { code, reason });
const full = (): Error => failure('STORE_FULL');
const busy = (): Error => failure('STORE_BUSY', 'database-locked');

/** From now on the store refuses the record of the next refresh, as `refuse` says. Returns how often it did. */
function refuseNext(scene: Scene, refuse: (attempt: number) => Error | undefined): { attempts: number } {
  const { refreshToken } = scene.record;
  const counted = { attempts: 0 };
  scene.store.refuse = (record: TokenRecord) =>
    record.refreshToken === refreshToken ? undefined : refuse(++counted.attempts);
  return counted;
}

for (const [what, error] of [
  ['is busy', busy()],
  ['is not reachable', failure('STORE_OPEN', 'unreachable')],
  ['is a standby after a failover', failure('STORE_READONLY', 'read-only-server')],
  ['is full', full()],
] as const) {
  testSignedIn(`a store that ${what} for a moment: the lock is kept until the new token is written`, async (scene) => {
    const counted = refuseNext(scene, (attempt) => (attempt <= 2 ? error : undefined));
    const first = scene.open().getToken();
    await until(() => counted.attempts > 0);
    const second = await within('the token', scene.open().getToken());
    assert.is(counted.attempts, 3);
    assert.is((await first).accessToken, second.accessToken);
    assert.is(scene.provider.refreshes, 1, 'the other process does not spend the old refresh token');
    assert.ok(scene.provider.accepts(scene.record.refreshToken));
    assert.is(scene.count('store-failed'), 0);
  });
}

for (const [what, seconds, error] of [
  ['is busy', 10, busy()],
  ['is full', 1, full()],
] as const)
  testSignedIn(`a store that ${what}: after ${seconds} s from the first write, the lock is released`, async (scene) => {
    const clock = performance.now;
    const counted = refuseNext(scene, () => {
      const ahead = 500 * seconds * (counted.attempts - 1);
      performance.now = () => clock.call(performance) + ahead;
      return error;
    });
    try {
      await within('the token', scene.open().getToken());
    } finally {
      scene.store.refuse = () => undefined;
      performance.now = clock;
    }
    assert.is(counted.attempts, 3);
    assert.is(scene.count('store-failed'), 1);
  });

testSignedIn('what could not be written is written by a timer, without a call', async (scene) => {
  refuseNext(scene, full);
  const { accessToken } = await scene.open().getToken();
  scene.store.refuse = () => undefined;
  await scene.until('store-recovered');
  assert.is(scene.record.accessToken, accessToken);
});

test('the timer writes outside of the task whose lock was lost: a store refuses what that task writes', async (scene) => {
  await scene.signedIn();
  const refresh = scene.provider.refresh;
  let refusals = 0;
  const shared = scene.open({
    async refresh(record) {
      const response = await refresh(record);
      scene.store.loseLock('my-app');
      // The first write from outside of the task, which follows at once.
      scene.store.refuse = () => (refusals++ === 0 ? busy() : undefined);
      return response;
    },
  });
  const { accessToken } = await shared.getToken();
  await scene.until('store-recovered');
  assert.is(refusals, 2);
  assert.is(scene.record.accessToken, accessToken);
});

testSignedIn('the timer puts nothing over what another process has stored since', async (scene) => {
  const counted = refuseNext(scene, full);
  await scene.open().getToken();
  const { attempts } = counted;
  const newer = { refreshToken: 'of another sign-in' };
  scene.store.records.set('my-app', newer);
  scene.store.refuse = () => undefined;
  const { reads } = scene.store;
  await until(() => scene.store.reads > reads);
  await sleep(0);
  assert.is(counted.attempts, attempts);
  assert.equal(scene.record, newer);
  assert.is(scene.count('store-recovered'), 0);
});

testSignedIn('the pauses of the timer grow to 5 seconds', async (scene) => {
  refuseNext(scene, full);
  const real = globalThis.setTimeout;
  const pauses: number[] = [];
  globalThis.setTimeout = ((callback: () => void, milliseconds: number) => {
    const timer = real(callback, milliseconds <= 5_000 ? 0 : milliseconds);
    const unref = timer.unref.bind(timer);
    // The timers of a deadline stay as they are.
    timer.unref = () => {
      pauses.push(milliseconds);
      return unref();
    };
    return timer;
  }) as typeof setTimeout;
  try {
    await scene.open({ refreshTimeout: 60_000 }).getToken();
    for (const end = Date.now() + 10_000; pauses.length < 9 && Date.now() < end; ) await sleep(1);
  } finally {
    globalThis.setTimeout = real;
  }
  assert.equal(pauses.slice(0, 9), [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
});

testSignedIn('a sign-out ends the tries, even if the store stays busy', async (scene) => {
  const counted = refuseNext(scene, busy);
  const shared = scene.open();
  const call = rejection(shared.getToken());
  await until(() => counted.attempts > 1);
  await shared.signOut();
  const { attempts } = counted;
  assert.is((await call).reason, 'signed-out');
  assert.is(counted.attempts, attempts);
  assert.is(scene.store.records.size, 0);
});

testSignedIn('a sign-out of another process wins over a write that is tried again', async (scene) => {
  const counted = refuseNext(scene, busy);
  const call = rejection(scene.open().getToken());
  await until(() => counted.attempts > 1);
  await scene.open().signOut();
  assert.is((await call).reason, 'signed-out');
  assert.is(scene.store.records.size, 0);
});

testSignedIn('close() ends the tries with one more of the task and one of its own', async (scene) => {
  const counted = refuseNext(scene, busy);
  const shared = scene.open({ refreshTimeout: 50 });
  const call = shared.getToken().catch(() => {});
  // The next pause is much longer than close() waits for the task.
  await until(() => counted.attempts === 4);
  await shared.close();
  await call;
  // On a machine that stands still for a moment, the pause ends before close() has waited.
  const { attempts } = counted;
  assert.ok([6, 7].includes(attempts), `${attempts} tries`);
  await sleep(100);
  assert.is(counted.attempts, attempts, 'no timer goes on');
});

testSignedIn('and no timer of a write before the last one goes on', async (scene) => {
  const counted = refuseNext(scene, full);
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  await shared.signIn();
  await shared.close();
  const { attempts } = counted;
  await sleep(200);
  assert.is(counted.attempts, attempts);
});

testSignedIn(
  'close() waits for a refresh that was sent, whose answer the store takes at the second try only',
  async (scene) => {
    const answer = scene.holdAnswers();
    const shared = scene.open();
    const refused = rejection(shared.getToken());
    await scene.until('refresh-started');
    let failures = 0;
    scene.store.refuse = () => (failures++ === 0 ? busy() : undefined);
    const closed = shared.close();
    await sleep(20);
    answer();
    await Promise.all([closed, refused]);
    assert.ok(scene.provider.accepts(scene.record.refreshToken));
  },
);

testSignedIn('close() tries once more after a try that is under way and fails', async (scene) => {
  const failed = Promise.withResolvers<void>();
  let failures = 0;
  const shared = scene.open();
  refuseNext(scene, full);
  const { accessToken } = await shared.getToken();
  scene.store.refuse = () => (failures++ === 0 ? full() : undefined);
  const { replace } = scene.store;
  scene.store.replace = async (...write) => {
    scene.store.replace = replace;
    await failed.promise;
    return replace.apply(scene.store, write);
  };
  await until(() => scene.store.replace === replace);
  const closed = shared.close();
  failed.resolve();
  await within('close()', closed);
  assert.is(failures, 2);
  assert.is(scene.record.accessToken, accessToken);
});

testSignedIn('a write that succeeds in the last try before close() ends is kept', async (scene) => {
  let closing = false;
  const counted = refuseNext(scene, () => (closing ? undefined : busy()));
  const shared = scene.open({ refreshTimeout: 50 });
  const call = shared.getToken().catch(() => {});
  await until(() => counted.attempts === 3);
  closing = true;
  await shared.close();
  assert.is(counted.attempts, 4);
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
  await call;
});

testSignedIn('a lock that is lost while the store is not reachable does not cost the new token', async (scene) => {
  const get = scene.store.get.bind(scene.store);
  const counted = refuseNext(scene, () => failure('STORE_OPEN', 'unreachable'));
  const shared = scene.open();
  const call = shared.getToken();
  await until(() => counted.attempts > 1);
  scene.store.get = () => Promise.reject(failure('STORE_OPEN', 'unreachable'));
  scene.store.loseLock('my-app');
  const { accessToken } = await within('the call', call);
  scene.store.get = get;
  scene.store.refuse = () => undefined;
  await scene.until('store-recovered');
  assert.is(scene.record.accessToken, accessToken);
});

test('a sign-in is written again as well, while the record lock is held', async (scene) => {
  let refusals = 0;
  scene.store.refuse = () => (refusals++ < 2 ? busy() : undefined);
  const { accessToken } = await within('the token', scene.open({ signIn: scene.provider.signIn }).getToken());
  assert.is(scene.record.accessToken, accessToken);
  assert.is(scene.count('store-failed'), 0);
});

testSignedIn(
  'a sign-in that was written, although the store said no, is not put over a refresh by a slow clock',
  async (scene) => {
    const replace = scene.store.replace.bind(scene.store);
    scene.store.replace = async (name, previous, record) => {
      if (record.signedInAt === undefined) return replace(name, previous, record);
      scene.store.replace = replace;
      await replace(name, previous, record);
      await replace(name, record.refreshToken, { ...record, refreshToken: 'other', obtainedAt: Date.now() - 60_000 });
      throw busy();
    };
    await scene.open({ signIn: scene.provider.signIn }).signIn();
    assert.is(scene.record.refreshToken, 'other');
  },
);

test('a first sign-in that could not be written is written by a task of its own, whose lock shows whether it still counts', async (scene) => {
  scene.store.refuse = full;
  const shared = scene.open({ signIn: scene.provider.signIn });
  const { accessToken } = await shared.getToken();
  scene.store.refuse = () => undefined;
  await scene.store.exclusively('my-app', async () => {
    void shared.peek();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.is(scene.store.records.size, 0);
  });
  await scene.until('store-recovered');
  assert.is(scene.record.accessToken, accessToken);
});

test('a sign-in is not lost if the store has just failed twice: its write, and the look at what it replaces', async (scene) => {
  await scene.signedIn();
  const shared = scene.open({ signIn: scene.provider.signIn });
  refuseNext(scene, full);
  // This refresh token is only in memory.
  await shared.getToken();
  const get = scene.store.get.bind(scene.store);
  scene.store.refuse = () => {
    scene.store.get = () => Promise.reject(failure('STORE_OPEN'));
    return failure('STORE_FULL');
  };
  await shared.signIn();
  scene.store.get = get;
  scene.store.refuse = () => undefined;
  await shared.getToken({ forceRefresh: true, interactive: false });
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

// What the store owes: a record that it could not take is newer than what it has.

/** From now on the store takes what it has and no other refresh token. */
function fill({ store, record }: Scene): void {
  const { refreshToken } = record;
  store.refuse = (next) => (next.refreshToken === refreshToken ? undefined : full());
}

testSignedIn(
  'a sign-in that becomes pending before a refresh is sent takes the place of that refresh',
  async (scene) => {
    const { store } = scene;
    const old = scene.record.accessToken;
    const replace = store.replace.bind(store);
    const [signingIn, lost, trying, isWritable] = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    store.replace = async (name, previous, record) => {
      const [begun, end] = record.accessToken === old ? [trying, isWritable] : [signingIn, lost];
      begun?.resolve();
      await end?.promise;
      return replace(name, previous, record);
    };
    const shared = scene.open({ signIn: scene.provider.signIn });
    const signedIn = shared.signIn();
    await signingIn?.promise;
    store.loseLock('my-app');
    const call = shared.getToken();
    await trying?.promise;
    lost?.resolve();
    await scene.until('store-failed');
    isWritable?.resolve();
    assert.equal(await call, await signedIn);
    assert.is(scene.provider.refreshes, 0);
  },
);

test('an answer that was asked for before two refreshes is not newer than the second one, which could not be stored', async (scene) => {
  await scene.signedIn();
  const shared = scene.open();
  const answer = scene.store.holdRead();
  const read = shared.read();
  await shared.getToken();
  fill(scene);
  const { accessToken } = await shared.getToken({ forceRefresh: true });
  answer();
  assert.is((await within('the call', read))?.accessToken, accessToken);
  scene.store.refuse = () => undefined;
  await shared.close();
  assert.is(scene.record.accessToken, accessToken);
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

test('a read that is answered after the store got what it was owed does not look like a sign-out', async (scene) => {
  const { store } = scene;
  store.refuse = full;
  const shared = scene.open({ signIn: scene.provider.signIn });
  const { accessToken } = await shared.getToken();
  const answer = store.holdRead();
  const read = shared.read();
  store.refuse = () => undefined;
  await scene.until('store-recovered');
  answer();
  assert.is((await within('the call', read))?.accessToken, accessToken);
});

test('a sign-in after one that could not be stored is no sign-out, whether or not the disk is still full', async () => {
  for (const isStillFull of [true, false]) {
    await using scene = openScene();
    scene.store.refuse = full;
    const shared = scene.open({ signIn: scene.provider.signIn });
    await shared.signIn();
    if (!isStillFull) scene.store.refuse = () => undefined;
    const second = await shared.signIn();
    assert.is((await shared.read())?.accessToken, second.accessToken);
    scene.store.refuse = () => undefined;
    await shared.close();
    assert.is(scene.record.accessToken, second.accessToken);
  }
});

test('a record that is owed is not dropped because the lock was lost while it was written again', async (scene) => {
  await scene.signedIn();
  const shared = scene.open();
  fill(scene);
  const { accessToken } = await shared.getToken();
  const replace = scene.store.replace.bind(scene.store);
  scene.store.replace = (...write) => {
    scene.store.replace = replace;
    scene.store.loseLock('my-app');
    return replace(...write);
  };
  await shared.getToken({ forceRefresh: true }).catch(() => {});
  scene.store.refuse = () => undefined;
  await shared.close();
  assert.is(scene.record.accessToken, accessToken);
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

test('an answer that came after refreshTimeout is not put over the newer one that could not be stored', async (scene) => {
  await scene.signedIn();
  const late = Promise.withResolvers<TokenResponse>();
  let requests = 0;
  const refresh = async (): Promise<TokenResponse> =>
    ++requests === 1 ? late.promise : { access_token: 'newer', refresh_token: 'newer refresh', expires_in: 3600 };
  const shared = scene.open({ refresh, refreshTimeout: 10 });
  await shared.getToken().catch(() => {});
  fill(scene);
  await shared.getToken();
  scene.store.refuse = () => undefined;
  late.resolve({ access_token: 'older', refresh_token: 'older refresh', expires_in: 3600 });
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  await until(() => scene.count('store-failed') === 1);
  await shared.close();
  assert.is(scene.record.accessToken, 'newer');
});

testSignedIn('it stays owed if the store was changed just before it could take it', async (scene) => {
  fill(scene);
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  scene.store.refuse = () => undefined;
  const replace = scene.store.replace.bind(scene.store);
  scene.store.replace = async () => {
    scene.store.replace = replace;
    return false;
  };
  await scene.until('store-recovered');
  assert.is(scene.record.accessToken, accessToken);
});

test('a write that was given up does not undo the sign-out of another process', async (scene) => {
  const { store } = scene;
  const { now } = performance;
  const replace = store.replace.bind(store);
  let answer = (): void => {};
  store.replace = async (...given) => {
    store.replace = replace;
    await replace(...given);
    // The next attempt reads for what is left of the 10 seconds, and longer.
    answer = store.holdRead();
    performance.now = () => now.call(performance) + 9_500;
    throw busy();
  };
  try {
    await scene.open({ signIn: scene.provider.signIn }).getToken();
    await scene.until('store-recovered');
  } finally {
    performance.now = now;
  }
  await store.delete('my-app');
  answer();
  await sleep(10);
  assert.is(store.records.size, 0);
});

test('close() does not try to write beside an attempt that may be done: another process may sign out', async (scene) => {
  const { store } = scene;
  store.refuse = full;
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  const replace = store.replace.bind(store);
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  store.replace = async (...given) => {
    store.replace = replace;
    const isDone = await replace(...given);
    await answered;
    return isDone;
  };
  store.refuse = () => undefined;
  await until(() => store.records.size > 0);
  await scene.open().signOut();
  store.loseLock('my-app');
  const closed = shared.close();
  await sleep(10);
  answer();
  await closed;
  assert.is(store.records.size, 0);
});

testSignedIn('a sign-in is not put over what the store cannot read', async (scene) => {
  const { call, answer } = await scene.signingIn();
  const other = { refreshToken: 'of another program' };
  await scene.store.set('my-app', other);
  scene.store.get = () => Promise.reject(new Error('damaged'));
  await answer();
  await call;
  assert.equal(scene.record, other);
  assert.is(scene.count('store-failed'), 1);
});

test.run();
