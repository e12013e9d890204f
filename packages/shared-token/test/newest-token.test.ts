import { setTimeout as sleep } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { type SharedTokenEvent, type SignIn, signInLockName, type TokenResponse } from '../src/index.ts';
import { TokenInMemory } from '../src/token-in-memory.ts';
import { TokenEndpointError } from './rotating-provider.ts';
import { mustNotAsk, test, testSignedIn } from './scene.ts';

// No older token comes into memory over a newer one, and none that an API has rejected, whatever brings it.

test('a forced refresh that does not know that its lock was lost, and could not store its answer', async (scene) => {
  await scene.signedIn();
  const gate = Promise.withResolvers<void>();
  let obtained = 0;
  const shared = scene.open({
    async refresh() {
      const number = ++obtained;
      if (number === 1) await gate.promise;
      return { access_token: `obtained-${number}`, refresh_token: `refresh-${number}`, expires_in: 3600 };
    },
  });
  const forced = shared.getToken({ forceRefresh: true });
  await scene.until('refresh-started');
  const first = Date.now();
  scene.store.loseLock('my-app');
  await until(() => Date.now() > first);
  // With minValid, it does not join the forced one.
  const { accessToken } = await shared.getToken({ minValid: 1 });
  assert.is(accessToken, 'obtained-2');
  scene.store.replace = async () => {
    throw Object.assign(new Error('the disk is full'), { code: 'STORE_FULL' });
  };
  gate.resolve();
  await forced;
  assert.is(scene.count('store-failed'), 1);
  assert.is(shared.peek()?.accessToken, accessToken);
});

testSignedIn('a refresh whose callers have all left takes the place of the token that they rejected', async (scene) => {
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  const answer = scene.holdAnswers();
  const leaving = new AbortController();
  const left = rejection(shared.getToken({ forceRefresh: true, signal: leaving.signal }));
  await until(() => scene.provider.refreshes === 2);
  leaving.abort();
  await left;
  answer();
  await until(() => shared.peek()?.accessToken !== accessToken);
  assert.is(shared.peek()?.accessToken, scene.record.accessToken);
});

test('a read of before the token was rejected brings it to no call', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'only', obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  const answer = scene.store.holdRead();
  const reading = rejection(shared.getToken());
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  answer();
  assert.is((await reading).reason, 'refused');
  assert.is(shared.peek(), undefined);
});

test('a read of before two tokens were rejected brings neither to a call', async (scene) => {
  scene.provider.expiresIn = undefined;
  await scene.signedIn({ expiresAt: undefined });
  const shared = scene.open();
  const answer = scene.store.holdRead();
  const reading = rejection(shared.getToken());
  await shared.getToken({ forceRefresh: true });
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  answer();
  assert.is((await reading).reason, 'refused');
  assert.is(shared.peek(), undefined);
});

for (const [what, times] of [
  ['does not say how old it is', {}],
  // Its token was obtained later, by the clock of another computer.
  ['is of an earlier sign-in', { signedInAt: 1, obtainedAt: Date.now() + 20_000, expiresAt: Date.now() + 3_600_000 }],
] as const) {
  test(`a read of before the sign-in, of a record that ${what}`, async (scene) => {
    await scene.store.set('my-app', { accessToken: 'before', refreshToken: 'before', ...times });
    const shared = scene.open({ signIn: scene.provider.signIn });
    const answer = scene.store.holdRead();
    const reading = shared.getToken();
    const signedIn = await shared.signIn();
    answer();
    assert.equal(await reading, signedIn);
    assert.equal(shared.peek(), signedIn);
  });
}

for (const forceRefresh of [false, true]) {
  test(`a call that ${forceRefresh ? 'forces and ' : ''}joins a read of before another process signed in reads again`, async (scene) => {
    const shared = scene.open();
    const answer = scene.store.holdRead();
    const reading = rejection(shared.getToken({ forceRefresh }));
    await until(() => scene.store.reads === 1);
    await scene.signedIn({ accessToken: 'of the other process', expiresAt: Date.now() + 3_600_000 });
    const joined = shared.getToken({ forceRefresh });
    answer();
    assert.is((await reading).reason, 'not-signed-in');
    assert.is((await joined).accessToken !== 'of the other process', forceRefresh);
  });
}

for (const found of ['expired', 'not-signed-in'] as const) {
  test(`a forced call that joins a read of before another process signed in does not end that sign-in (${found})`, async (scene) => {
    await scene.store.set('my-app', { accessToken: 'rejected', expiresAt: Date.now() + 200 });
    const shared = scene.open();
    assert.is((await shared.getToken()).accessToken, 'rejected');
    await until(() => shared.peek() === undefined);
    if (found === 'not-signed-in') scene.store.records.clear();
    const answer = scene.store.holdRead();
    const reading = rejection(shared.getToken({ forceRefresh: true }));
    await until(() => scene.store.reads === 2);
    const joined = shared.getToken({ forceRefresh: true }).catch((error) => error);
    await scene.store.set('my-app', { accessToken: 'of the other process' });
    answer();
    assert.is((await reading).reason, found);
    const { accessToken } = await joined;
    assert.is(scene.record.refusedAt, undefined);
    assert.is(accessToken, 'of the other process');
  });
}

test('a token that an API has rejected is not given out again if another sign-in was refused in its place', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected', refreshToken: 'rejected' });
  const shared = scene.open();
  await shared.getToken();
  await scene.store.set('my-app', { refreshToken: 'of another program' });
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  assert.is((await rejection(shared.getToken())).reason, 'refused');
});

test('a token that a sign-in has replaced does not come back if an API rejects that of the sign-in', async (scene) => {
  let needed = 'files';
  const times = { signedInAt: 1, obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
  await scene.store.set('my-app', { accessToken: 'before', refreshToken: 'before', scope: 'files', ...times });
  const { signIn } = scene.provider;
  const shared = scene.open({ accepts: ({ scope = '' }) => scope.includes(needed), interactive: false, signIn });
  await shared.getToken();
  needed = 'mail';
  const answer = scene.store.holdRead();
  const reading = shared.getToken().catch(() => {});
  scene.provider.extra = { scope: 'mail' };
  await shared.signIn();
  needed = 'files and mail';
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'not-accepted');
  needed = 'files';
  answer();
  await reading;
  assert.is(shared.peek(), undefined);
});

test('a token that an API has rejected is not given out if the store gets it again without the mark', async (scene) => {
  const record = { accessToken: 'rejected', expiresAt: Date.now() + 3_600_000 };
  await scene.store.set('my-app', record);
  const shared = scene.open();
  await shared.getToken();
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  await scene.store.set('my-app', record);
  assert.is((await rejection(shared.getToken())).reason, 'refused');
  assert.ok(scene.record.refusedAt);
});

test('a call that forces again does not end the sign-in of another process', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected' });
  const shared = scene.open();
  await shared.getToken();
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'refused');
  await scene.store.set('my-app', { accessToken: 'of the other process' });
  assert.is((await shared.getToken({ forceRefresh: true })).accessToken, 'of the other process');
});

test('a call that forces does not end a sign-in that lacks only what this call needs', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected', scope: 'files', signedInAt: 1 });
  let needed = 'files';
  const shared = scene.open({ accepts: ({ scope }) => scope === needed });
  await shared.getToken();
  await scene.store.set('my-app', { accessToken: 'of the other process', scope: 'mail', signedInAt: 2 });
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'not-accepted');
  needed = 'mail';
  assert.is((await shared.getToken()).accessToken, 'of the other process');
});

test('a token that an API has rejected is not given out after a sign-out of another process', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  await shared.getToken();
  await scene.open().signOut();
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).reason, 'not-signed-in');
  assert.is((await rejection(shared.getToken())).reason, 'not-signed-in');
});

test('a newer token that has expired is not kept', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() - 1, expiresAt: Date.now() + 3_600_000 });
  scene.provider.expiresIn = 0;
  const shared = scene.open();
  const { accessToken } = scene.record;
  const answer = scene.store.holdRead();
  const reading = shared.getToken();
  await shared.getToken({ forceRefresh: true });
  answer();
  assert.is((await reading).accessToken, accessToken);
});

test('what another program has stored counts if a token that has come meanwhile is not valid for long enough', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() - 3_000_000, expiresAt: Date.now() + 600_000 });
  const shared = scene.open();
  const answer = scene.store.holdRead();
  const first = shared.getToken();
  await until(() => scene.store.reads === 1);
  await scene.store.set('my-app', { accessToken: 'foreign', refreshToken: 'foreign' });
  const answerLater = scene.store.holdRead();
  const second = shared.getToken({ minValid: 1_000_000 });
  answer();
  await first;
  answerLater();
  assert.is((await second).accessToken, 'foreign');
});

test('what another program has stored counts as soon as the token in memory does not', async (scene) => {
  const [obtainedAt, expiresAt] = [Date.now() - 3_500_000, Date.now() + 100_000];
  await scene.signedIn({ obtainedAt, expiresAt, signedInAt: obtainedAt });
  scene.provider.failures.push(new TypeError('fetch failed'));
  const shared = scene.open();
  await shared.getToken();
  await scene.store.set('my-app', { accessToken: 'foreign', refreshToken: 'foreign' });
  assert.is((await shared.getToken()).accessToken, 'foreign');
  assert.is(shared.peek()?.accessToken, 'foreign');
});

test('the token of its own sign-in counts, also if the clock was set back', async (scene) => {
  const times = { signedInAt: Date.now() + 3_600_000, obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
  await scene.store.set('my-app', { accessToken: 'of the one before', ...times });
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  await scene.store.delete('my-app');
  const signedIn = await shared.signIn();
  assert.is(signedIn.accessToken, scene.record.accessToken);
  assert.equal(shared.peek(), signedIn);
});

test('a forced call gets no rejected token from a sign-in that it has joined', async (scene) => {
  const shared = scene.open({ signIn: async () => ({ access_token: 'of-the-person' }) });
  const { promise: turn, resolve: endTurn } = Promise.withResolvers<void>();
  const other = scene.store.exclusively(signInLockName('my-app'), () => turn);
  const waiting = shared.getToken();
  await until(() => scene.store.reads === 1);
  await scene.store.set('my-app', { accessToken: 'rejected' });
  const answer = scene.store.holdRead();
  endTurn();
  await other;
  await until(() => scene.store.reads === 2);
  const forced = shared.getToken({ forceRefresh: true });
  await until(() => scene.record.refusedAt !== undefined);
  answer();
  await waiting;
  assert.is((await forced).accessToken, 'of-the-person');
});

test('a forced call of a new process takes the stored token for rejected, also from a sign-in that it has joined', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected' });
  const { promise: first, resolve: answer } = Promise.withResolvers<TokenResponse>();
  let asked = 0;
  const shared = scene.open({ signIn: async () => (++asked === 1 ? first : { access_token: 'another' }) });
  const signedIn = shared.signIn();
  await scene.until('sign-in-started');
  const forced = shared.getToken({ forceRefresh: true });
  await until(() => scene.record.refusedAt !== undefined);
  await sleep(0);
  answer({ access_token: 'rejected' });
  assert.is((await signedIn).accessToken, 'rejected');
  assert.is((await forced).accessToken, 'another');
});

test('a forced call joins none that knew of no token, and so says that there is no sign-in', async (scene) => {
  const shared = scene.open({ signIn: scene.provider.signIn });
  const answer = scene.store.holdRead();
  const first = rejection(shared.getToken({ forceRefresh: true, interactive: false }));
  const { accessToken } = await shared.signIn();
  const forced = shared.getToken({ forceRefresh: true });
  answer();
  assert.is((await first).reason, 'not-signed-in');
  assert.is.not((await forced).accessToken, accessToken);
});

test('what was stored before a forced call is older, also if the clock of its computer is ahead', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() + 20_000, expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  const { promise: refreshed, resolve: release } = Promise.withResolvers<void>();
  const other = scene.store.exclusively('my-app', () => refreshed);
  const forced = shared.getToken({ forceRefresh: true });
  // With minValid, it does not join the forced one.
  const { accessToken } = await shared.getToken({ minValid: 1 });
  assert.is(accessToken, scene.record.accessToken);
  await scene.store.set('my-app', { ...scene.record, accessToken: 'newer', obtainedAt: Date.now() });
  release();
  await other;
  assert.is((await forced).accessToken, 'newer');
});

test('a forced call that waits gets no rejected token that another process stores again', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  const rejected = scene.record;
  await scene.store.set('my-app', { refreshToken: 'of another program' });
  const turn = Promise.withResolvers<void>();
  const other = scene.store.exclusively('my-app', () => turn.promise);
  const forced = shared.getToken({ forceRefresh: true });
  await scene.until('waiting');
  await scene.store.set('my-app', rejected);
  turn.resolve();
  await other;
  assert.is.not((await forced).accessToken, accessToken);
});

test('a forced call gets the sign-in of another process, although a read of before brings what was stored', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open({ signIn: scene.provider.signIn });
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  const turn = Promise.withResolvers<void>();
  const other = scene.store.exclusively(signInLockName('my-app'), () => turn.promise);
  const answer = scene.store.holdRead();
  const reading = shared.getToken({ minValid: 1 });
  await until(() => scene.store.reads === 1);
  const forced = shared.getToken({ forceRefresh: true });
  await scene.until('refresh-failed');
  answer();
  await reading;
  await scene.store.set('my-app', { accessToken: 'of the other process' });
  turn.resolve();
  await other;
  assert.is((await forced).accessToken, 'of the other process');
});

test('what was found before a refresh, and comes after it, is older, also if the clock was set back', async (scene) => {
  await scene.signedIn();
  const { store } = scene;
  const [exclusively, now] = [store.exclusively.bind(store), Date.now];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let tasks = 0;
  store.exclusively = async (...args) => {
    const isSecond = ++tasks === 2;
    const result = await exclusively(...args);
    if (isSecond) await released;
    return result;
  };
  const shared = scene.open();
  const calls = [shared.getToken(), shared.getToken({ forceRefresh: true })];
  await calls[0];
  await scene.until('stored-token');
  try {
    Date.now = () => now() - 10_000;
    const { accessToken } = await shared.getToken({ forceRefresh: true });
    release();
    assert.is((await calls[1])?.accessToken, accessToken);
    assert.is(shared.peek()?.accessToken, accessToken);
  } finally {
    Date.now = now;
  }
});

test('what was refreshed does not come back, although the clock was set back and says nothing of the new token', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() - 600_000, expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  const answer = scene.store.holdRead();
  const reading = shared.getToken({ minValid: 1 });
  await until(() => scene.store.reads === 1);
  const { accessToken } = await shared.getToken({ forceRefresh: true });
  const now = Date.now;
  try {
    Date.now = () => now() - 60_000;
    answer();
    assert.is((await reading).accessToken, accessToken);
  } finally {
    Date.now = now;
  }
  assert.is(shared.peek()?.accessToken, accessToken);
});

test('what was refreshed does not come back, also if the clock was set back before the new token came', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 3_600_000 });
  const now = Date.now;
  const refresh: typeof scene.provider.refresh = async (...values) => {
    const response = await scene.provider.refresh(...values);
    Date.now = () => now() - 60_000;
    return response;
  };
  const shared = scene.open({ refresh });
  const answer = scene.store.holdRead();
  const reading = shared.getToken({ minValid: 1 });
  await until(() => scene.store.reads === 1);
  try {
    const { accessToken } = await shared.getToken({ forceRefresh: true });
    answer();
    assert.is((await reading).accessToken, accessToken);
  } finally {
    Date.now = now;
  }
});

test('what was refreshed for a sign-in of another process does not come back, if the clock was set back', async (scene) => {
  const { store, events } = scene;
  const now = Date.now;
  const { promise: signedIn, resolve } = Promise.withResolvers<void>();
  const other = store.exclusively(signInLockName('my-app'), () => signedIn);
  const onEvent = (event: SharedTokenEvent): void => {
    events.push(event);
    if (event.type === 'refresh-started') Date.now = () => now() - 20_000;
  };
  const shared = scene.open({ signIn: mustNotAsk, onEvent });
  const call = shared.getToken();
  await scene.until('waiting');
  await scene.signedIn({ obtainedAt: now() - 10_000, expiresAt: now() - 1, signedInAt: 1 });
  const answer = store.holdRead();
  const { reads } = store;
  const reading = shared.getToken({ minValid: 1 });
  await until(() => store.reads > reads);
  resolve();
  try {
    const { accessToken } = await call;
    answer();
    assert.is((await reading).accessToken, accessToken);
  } finally {
    Date.now = now;
    await other;
  }
});

test('what was refreshed in an earlier round does not come back, if the clock was set back', async (scene) => {
  await scene.signedIn();
  const now = Date.now;
  let refreshes = 0;
  const refresh: typeof scene.provider.refresh = async (...values) => {
    const response = await scene.provider.refresh(...values);
    // Another program stores its sign-in, without the lock.
    if (++refreshes === 2) await scene.signedIn({ obtainedAt: now() - 7_200_000, expiresAt: now() - 3_600_000 });
    return response;
  };
  const onEvent = ({ type }: SharedTokenEvent): void => {
    if (type === 'refreshed') Date.now = () => now() - 60_000;
  };
  const shared = scene.open({ refresh, onEvent });
  try {
    const calls = [shared.getToken(), shared.getToken({ minValid: 1 })];
    const [, { accessToken } = {}] = await Promise.all(calls);
    assert.is(refreshes, 3);
    assert.is(accessToken, scene.record.accessToken);
    assert.is(shared.peek()?.accessToken, accessToken);
  } finally {
    Date.now = now;
  }
});

testSignedIn(
  'what was refreshed is older, although another call has brought it, and the clock was set back',
  async (scene) => {
    const lock = Promise.withResolvers<void>();
    const held = scene.store.exclusively('my-app', () => lock.promise);
    const shared = scene.open();
    const first = shared.getToken();
    await scene.until('waiting');
    // With minValid, it does not join the first one. It waits for the lock, and does not look at the record again yet.
    const second = shared.getToken({ minValid: 60_000 });
    await sleep(30);
    const { access_token: accessToken, refresh_token: refreshToken } = await scene.provider.signIn();
    const times = { obtainedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
    await scene.store.set('my-app', { accessToken, refreshToken, ...times });
    assert.is((await first).accessToken, accessToken);
    const clock = Date.now;
    Date.now = () => clock() - 60_000;
    try {
      lock.resolve();
      await held;
      assert.is((await second).accessToken, scene.record.accessToken);
    } finally {
      Date.now = clock;
    }
  },
);

test('what another program signed in takes the place of an older read, although it does not say how old it is', async (scene) => {
  const { store } = scene;
  const signedIn = Promise.withResolvers<void>();
  const other = store.exclusively(signInLockName('my-app'), () => signedIn.promise);
  await store.set('my-app', { accessToken: 'older' });
  const shared = scene.open({ signIn: mustNotAsk });
  try {
    const answer = store.holdRead();
    const reading = shared.getToken();
    await until(() => store.reads === 1);
    await store.set('my-app', { accessToken: 'rejected' });
    const forced = shared.getToken({ forceRefresh: true });
    await scene.until('waiting');
    answer();
    assert.is((await reading).accessToken, 'older');
    await store.set('my-app', { accessToken: 'newest' });
    signedIn.resolve();
    assert.is((await forced).accessToken, 'newest');
  } finally {
    signedIn.resolve();
    await other;
  }
});

test('a token of before a sign-out that is rejected late leaves a new sign-in in memory, whatever the clock says', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected', signedInAt: Date.now() + 3_600_000 });
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  const answer = scene.store.holdRead();
  const forced = rejection(shared.getToken({ forceRefresh: true, interactive: false }));
  await until(() => scene.store.reads === 2);
  await shared.signOut();
  // It was asked before the sign-out, so the call asks once more.
  const answerAgain = scene.store.holdRead();
  answer();
  await until(() => scene.store.reads === 3);
  const signedIn = await shared.signIn();
  answerAgain();
  await forced;
  assert.equal(shared.peek(), signedIn);
});

test('a sign-in after a token that was rejected counts, also if the clock was set back', async (scene) => {
  await scene.store.set('my-app', { accessToken: 'rejected', signedInAt: Date.now() + 3_600_000 });
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  await rejection(shared.getToken({ forceRefresh: true, interactive: false }));
  await scene.store.delete('my-app');
  const { accessToken } = await shared.signIn();
  assert.is(accessToken, scene.record.accessToken);
});

test('a token that was refreshed before the store had released the lock of its sign-in stays in memory', async (scene) => {
  const { store } = scene;
  const released = Promise.withResolvers<void>();
  const exclusively = store.exclusively.bind(store);
  store.exclusively = async (name, ...rest) => {
    const isRecord = name === 'my-app';
    if (isRecord) Reflect.deleteProperty(store, 'exclusively');
    const result = await exclusively(name, ...rest);
    if (isRecord) await released.promise;
    return result;
  };
  const shared = scene.open({ signIn: scene.provider.signIn });
  const signIn = shared.signIn();
  await until(() => store.records.size === 1);
  const refreshed = await shared.getToken({ forceRefresh: true });
  released.resolve();
  assert.equal(await signIn, refreshed);
  assert.equal(shared.peek(), refreshed);
});

testSignedIn(
  'a forced refresh whose caller has gone, and what a program without times has stored since',
  async (scene) => {
    const { store } = scene;
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const replace = store.replace.bind(store);
    let writes = 0;
    store.replace = async (...args) => {
      const isDone = await replace(...args);
      if (++writes === 2) await answered;
      return isDone;
    };
    const shared = scene.open();
    const abort = new AbortController();
    const call = rejection(shared.getToken({ forceRefresh: true, signal: abort.signal }));
    await until(() => writes === 2);
    abort.abort();
    await call;
    await store.set('my-app', { accessToken: 'newer', refreshToken: 'newer' });
    const token = await shared.getToken();
    answer();
    await store.exclusively('my-app', async () => {});
    assert.equal(shared.peek(), token);
  },
);

test('one that is known to be replaced, although the newer one was in memory before that was known, and a clock was set back', async () => {
  const memory = new TokenInMemory(0, () => true);
  const now = Date.now();
  const newer = {
    accessToken: 'newer',
    refreshToken: 'of newer',
    obtainedAt: now - 3_600_000,
    expiresAt: now + 60_000,
  };
  memory.hold(newer);
  memory.hold(newer, { replaced: ['older'] });
  memory.hold({ ...newer, accessToken: 'older', obtainedAt: now });
  assert.is(memory.good()?.token.accessToken, 'newer');
});

test('a sign-in stays, although a forced refresh of a record that does not say when its sign-in was ends later', async (scene) => {
  await scene.signedIn();
  const exclusively = scene.store.exclusively.bind(scene.store);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const shared = scene.open({ signIn: () => scene.provider.signIn() });
  // The lock is free, but the store has not said so yet.
  scene.store.exclusively = async (...given) => {
    scene.store.exclusively = exclusively;
    const result = await exclusively(...given);
    await released;
    return result;
  };
  const forced = shared.getToken({ forceRefresh: true });
  await scene.until('refreshed');
  const token = await shared.signIn();
  release();
  await forced;
  assert.equal(shared.peek(), token);
});

test('a sign-in stays, although one that began before it hears later that it was stored', async (scene) => {
  const exclusively = scene.store.exclusively.bind(scene.store);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  scene.store.exclusively = async (...given) => {
    const result = await exclusively(...given);
    if (given[0] === 'my-app' && scene.count('signed-in') === 0) await released;
    return result;
  };
  const shared = scene.open({ refreshTimeout: 100, signIn: () => scene.provider.signIn() });
  const leaving = new AbortController();
  const first = rejection(shared.signIn({ signal: leaving.signal }));
  await until(() => scene.store.records.size > 0);
  leaving.abort();
  await first;
  scene.store.exclusively = exclusively;
  const token = await shared.signIn();
  release();
  await until(() => scene.count('signed-in') === 2);
  assert.equal(shared.peek(), token);
});

test('what another process has refreshed stays, although the sign-in hears later that it was stored, and a clock is behind', async (scene) => {
  const { store } = scene;
  const exclusively = store.exclusively.bind(store);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  store.exclusively = async (...given) => {
    const result = await exclusively(...given);
    if (given[0] === 'my-app') await released;
    return result;
  };
  const shared = scene.open({ signIn: scene.provider.signIn });
  const signingIn = shared.signIn();
  await until(() => store.records.size > 0);
  const obtainedAt = Date.now() - 60_000;
  await store.set('my-app', { ...scene.record, accessToken: 'refreshed', refreshToken: 'rotated', obtainedAt });
  assert.is((await shared.getToken()).accessToken, 'refreshed');
  release();
  await signingIn;
  assert.is(shared.peek()?.accessToken, 'refreshed');
});

test('signIn() asks, although a sign-in goes on that heard late that it was stored', async (scene) => {
  const { store, provider } = scene;
  const exclusively = store.exclusively.bind(store);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: page, resolve: closePage } = Promise.withResolvers<void>();
  store.exclusively = async (...given) => {
    const isRecord = given[0] === 'my-app';
    if (isRecord) store.exclusively = exclusively;
    const result = await exclusively(...given);
    if (isRecord) await released;
    return result;
  };
  let asked = 0;
  const signIn: SignIn = async ({ redeem }) => {
    const isFirst = ++asked === 1;
    const response = await redeem(provider.signIn);
    if (isFirst) await page;
    return response;
  };
  const shared = scene.open({ signIn });
  const first = shared.signIn();
  await until(() => store.records.size > 0);
  store.loseLock(signInLockName('my-app'));
  await shared.signIn({ signIn });
  release();
  await until(() => scene.count('signed-in') === 2);
  const third = shared.signIn();
  closePage();
  await Promise.all([first, third]);
  assert.is(asked, 3);
});

test('of two questions, the one that the person answers last counts, also in memory', async (scene) => {
  const answered = Promise.withResolvers<void>();
  const shared = scene.open({ refreshTimeout: 100, signIn: () => scene.provider.signIn() });
  const leaving = new AbortController();
  const signIn: SignIn = async ({ redeem }) => {
    await answered.promise;
    return redeem(() => scene.provider.signIn());
  };
  const first = rejection(shared.signIn({ signIn, signal: leaving.signal }));
  await scene.until('sign-in-started');
  leaving.abort();
  await first;
  await shared.signIn();
  const signedIn = Date.now();
  await until(() => Date.now() > signedIn);
  answered.resolve();
  await until(() => scene.count('signed-in') === 2);
  assert.is(shared.peek()?.accessToken, 'access-token-2');
  assert.is(scene.record.accessToken, 'access-token-2');
});

test.run();
