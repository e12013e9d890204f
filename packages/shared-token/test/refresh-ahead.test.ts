import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SharedToken, SharedTokenOptions } from '../src/index.ts';
import { NotifyingStore } from './memory-store.ts';
import { startStandIn } from './providers/stand-ins.ts';
import { TokenEndpointError } from './rotating-provider.ts';
import { mustNotAsk, Scene, test } from './scene.ts';

const minute = 60_000;
const hour = 60 * minute;
const refreshAhead = 10 * minute;

/** A stored token of one hour that has so many minutes left: with less than 15, a refresh ahead is due. */
async function signedIn(scene: Scene, left: number, lifetime = hour): Promise<string> {
  const expiresAt = Date.now() + left * minute;
  await scene.signedIn({ expiresAt, obtainedAt: expiresAt - lifetime });
  return scene.record.accessToken ?? '';
}

/** A SharedToken for which a refresh ahead is due, and which has just given out the old token. */
async function due(scene: Scene, options: Partial<SharedTokenOptions> = {}) {
  const old = await signedIn(scene, 14);
  const shared = scene.open({ refreshAhead, ...options });
  assert.is((await shared.getToken()).accessToken, old);
  return { old, shared };
}

/** Resolves when this process gives out another token. It asks no faster than a program would. */
async function untilReplaced(shared: SharedToken, old: string): Promise<void> {
  await until(() => shared.peek()?.accessToken !== old);
}

test('a call before the skew gets its token at once, and the next ones that of the refresh', async (scene) => {
  const answer = scene.holdAnswers();
  const { old, shared } = await due(scene);
  await scene.until('refresh-started');
  const { reads } = scene.store;
  for (let count = 0; count < 13; count++) assert.is((await shared.getToken()).accessToken, old);
  await sleep(150);
  assert.is(scene.store.reads, reads, 'one at a time');
  answer();
  await untilReplaced(shared, old);
  assert.is((await shared.getToken()).accessToken, scene.record.accessToken);
  assert.is(scene.provider.refreshes, 1);
});

test('there is none before that time, nor without refreshAhead', async (scene) => {
  await signedIn(scene, 16);
  await scene.open({ refreshAhead }).getToken();
  await signedIn(scene, 6);
  await scene.open().getToken();
  await sleep(150);
  assert.is(scene.provider.refreshes, 0);
});

test('there is none in the first half of a token that lives shorter than refreshAhead, or not much longer', async (scene) => {
  for (const [left, life] of [
    [5.5, 10],
    [7.5, 14],
  ] as const) {
    await signedIn(scene, left, life * minute);
    await scene.open({ refreshAhead }).getToken();
  }
  await sleep(150);
  assert.is(scene.provider.refreshes, 0);
  const old = await signedIn(scene, 4.5, 10 * minute);
  const shared = scene.open({ refreshAhead });
  await shared.getToken();
  await untilReplaced(shared, old);
});

test('8 processes refresh ahead once, and the others find its token', async (scene) => {
  const old = await signedIn(scene, 14);
  const processes = Array.from({ length: 8 }, () => scene.open({ refreshAhead }));
  for (const shared of processes) assert.is((await shared.getToken()).accessToken, old);
  await until(() => scene.record.accessToken !== old);
  assert.is(scene.provider.refreshes, 1);
});

test('a process that finds the lock held leaves the refresh to its holder, without an event', async () => {
  await using scene = new Scene(new NotifyingStore());
  const done = Promise.withResolvers<void>();
  const held = scene.store.exclusively('my-app', () => done.promise);
  const { old } = await due(scene);
  // A process that waits says so by now.
  await sleep(400);
  assert.equal(
    scene.events.map(({ type }) => type),
    ['stored-token'],
  );
  done.resolve();
  await held;
  assert.is(scene.record.accessToken, old);
});

for (const [what, failure] of [
  ['fails', new TypeError('fetch failed')],
  ['is refused', new TokenEndpointError('invalid_grant')],
  ['throws undefined', undefined],
] as const) {
  test(`a refresh ahead that ${what} is an event, asks nobody, and is not tried again at each call`, async (scene) => {
    scene.provider.failures.push(failure, failure);
    const { old, shared } = await due(scene, { signIn: mustNotAsk });
    await scene.until('refresh-failed');
    for (let count = 0; count < 13; count++) assert.is((await shared.getToken()).accessToken, old);
    await sleep(150);
    assert.is(scene.provider.refreshes, 1);
    assert.is(scene.count('sign-in-started'), 0);
  });
}

test('it leaves the provider alone for as long as retryAfter of the error asks for', async (scene) => {
  scene.provider.failures.push(new TokenEndpointError('slow_down', 60_000));
  const { old, shared } = await due(scene);
  await scene.until('refresh-failed');
  const clock = performance.now;
  try {
    performance.now = () => clock.call(performance) + 50_000;
    assert.is((await shared.getToken()).accessToken, old);
    assert.is((await shared.getToken({ minValid: 20 * minute })).accessToken, old);
    await sleep(150);
    assert.is(scene.provider.refreshes, 1);
    performance.now = () => clock.call(performance) + 61_000;
    await shared.getToken();
    await untilReplaced(shared, old);
  } finally {
    performance.now = clock;
  }
});

test('a retryAfter that is no number of milliseconds changes nothing', async (scene) => {
  scene.provider.failures.push(new TokenEndpointError('slow_down', Number.NaN));
  const { shared } = await due(scene);
  await scene.until('refresh-failed');
  await shared.getToken();
  await sleep(150);
  assert.is(scene.provider.refreshes, 1);
});

for (const left of [4, 14]) {
  test(`a token of ${left} minutes, which bridges a refresh that failed, is not refreshed ahead`, async (scene) => {
    const old = await signedIn(scene, left);
    scene.provider.failures.push(new TokenEndpointError('slow_down', 60_000));
    const shared = scene.open({ refreshAhead });
    assert.is((await shared.getToken({ minValid: 20 * minute })).accessToken, old);
    await sleep(150);
    assert.is(scene.provider.refreshes, 1);
  });
}

test('a forced call meanwhile waits for the refresh ahead, and gets its token', async (scene) => {
  const answer = scene.holdAnswers();
  const { old, shared } = await due(scene);
  await scene.until('refresh-started');
  const forced = shared.getToken({ forceRefresh: true });
  answer();
  assert.is.not((await forced).accessToken, old);
  assert.is(scene.provider.refreshes, 1);
});

test('a sign-out meanwhile wins: nothing is stored, and no token is in memory', async (scene) => {
  const answer = scene.holdAnswers();
  const { shared } = await due(scene);
  await scene.until('refresh-started');
  await shared.signOut();
  answer();
  assert.is((await rejection(shared.getToken())).code, 'SIGN_IN_REQUIRED');
  await shared.close();
  assert.is(scene.store.records.size, 0);
});

test('a sign-out while its answer is being stored wins as well', async (scene) => {
  const answer = scene.holdAnswers();
  const { shared } = await due(scene);
  await scene.until('refresh-started');
  const { begun, goOn } = scene.store.holdWrites();
  answer();
  await begun;
  const signedOut = shared.signOut();
  goOn();
  await signedOut;
  await sleep(20);
  assert.is(shared.peek(), undefined);
  assert.is(scene.store.records.size, 0);
});

test('after a sign-out meanwhile, the token of the next sign-in is refreshed ahead as well', async (scene) => {
  const answer = scene.holdAnswers();
  const { shared } = await due(scene);
  await scene.until('refresh-started');
  await shared.signOut();
  answer();
  // It has ended then.
  await scene.store.exclusively('my-app', async () => {});
  const old = await signedIn(scene, 14);
  await shared.getToken();
  const clock = performance.now;
  try {
    // It pauses after one that brought no token.
    performance.now = () => clock.call(performance) + 6_000;
    await shared.getToken();
    await untilReplaced(shared, old);
  } finally {
    performance.now = clock;
  }
});

test('close() waits until a refresh ahead that was sent is stored', async (scene) => {
  scene.provider.gate = sleep(100);
  const { old, shared } = await due(scene);
  await scene.until('refresh-started');
  await shared.close();
  assert.is.not(scene.record.accessToken, old);
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

test('after close(), a refresh ahead is not begun', async (scene) => {
  const { shared } = await due(scene);
  await shared.close();
  const { reads } = scene.store;
  await sleep(150);
  assert.is(scene.store.reads, reads);
});

const script = new URL('./refresh-ahead-process.ts', import.meta.url);

test('a process that has sent its refresh ahead ends by itself when the answer is stored', async () => {
  const directory = temporaryDirectory();
  const answer = { access_token: 'new', refresh_token: 'refresh-2', expires_in: 3600 };
  await using provider = await startStandIn(() => ({ body: answer }));
  const { output } = await startProgram(script, [directory, provider.origin]).ended;
  assert.is(output, 'refresh-2');
});

test('before it is sent, a refresh ahead keeps no process alive', async (scene) => {
  await signedIn(scene, 14);
  // What keeps the event loop alive.
  const before = process.getActiveResourcesInfo();
  await scene.open({ refreshAhead }).getToken();
  assert.equal(process.getActiveResourcesInfo(), before);
});

test.run();
