import { getEventListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SharedToken, TokenResponse } from '../src/index.ts';
import { openScene, test, testSignedIn } from './scene.ts';

const untilAborted = ({ signal }: { signal: AbortSignal }): Promise<TokenResponse> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('a signal that was aborted before the call: its reason, and nothing is read', async (scene) => {
  const reason = new Error('enough');
  const shared = scene.open({ signIn: scene.provider.signIn });
  assert.is(await rejection(shared.getToken({ signal: AbortSignal.abort(reason) })), reason);
  assert.is(await rejection(shared.signIn({ signal: AbortSignal.abort(reason) })), reason);
  assert.is(scene.store.reads, 0);
});

testSignedIn('a caller that lets go while the record is read asks for no lock', async (scene) => {
  const abort = new AbortController();
  const answer = scene.store.holdRead();
  const locks: string[] = [];
  const { exclusively } = scene.store;
  scene.store.exclusively = (name, task) => {
    locks.push(name);
    return exclusively.call(scene.store, name, task) as never;
  };
  const call = rejection(scene.open().getToken({ signal: abort.signal }));
  await until(() => scene.store.reads === 1);
  abort.abort(new Error('enough'));
  await call;
  answer();
  await setTimeout(20);
  assert.equal(locks, []);
});

testSignedIn('an abort ends the call of its caller alone', async (scene) => {
  const answer = scene.holdAnswers();
  const shared = scene.open();
  const abort = new AbortController();
  const aborted = rejection(shared.getToken({ signal: abort.signal }));
  const other = shared.getToken();
  await scene.until('refresh-started');
  const reason = new Error('enough');
  abort.abort(reason);
  assert.is(await aborted, reason);
  answer();
  assert.is((await other).accessToken, scene.record.accessToken);
});

testSignedIn('a refresh that was sent is finished and stored although its only caller aborts', async (scene) => {
  const answer = scene.holdAnswers();
  const shared = scene.open();
  const abort = new AbortController();
  const call = rejection(shared.getToken({ signal: abort.signal }));
  await scene.until('refresh-started');
  abort.abort();
  assert.is((await call).name, 'AbortError');
  answer();
  await until(() => scene.provider.accepts(scene.record.refreshToken));
  assert.is((await shared.getToken()).accessToken, scene.record.accessToken);
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('a caller that aborts while it waits for another process sends nothing', async (scene) => {
  const answer = scene.holdAnswers();
  const refreshing = scene.open().getToken();
  await scene.until('refresh-started');
  const abort = new AbortController();
  const waiting = rejection(scene.open().getToken({ signal: abort.signal }));
  await scene.until('waiting');
  abort.abort();
  assert.is((await waiting).name, 'AbortError');
  answer();
  await refreshing;
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('a caller that aborts during the test write sends nothing', async (scene) => {
  const { begun, goOn } = scene.store.holdWrites();
  const shared = scene.open();
  const abort = new AbortController();
  const call = rejection(shared.getToken({ signal: abort.signal }));
  await begun;
  abort.abort();
  assert.is((await call).name, 'AbortError');
  goOn();
  await shared.close();
  assert.is(scene.provider.refreshes, 0);
});

testSignedIn('a call after an abort does not join what the aborted one began', async (scene) => {
  const shared = scene.open();
  const abort = new AbortController();
  const aborted = rejection(shared.getToken({ signal: abort.signal }));
  abort.abort();
  const { accessToken } = await shared.getToken();
  await aborted;
  assert.is(accessToken, scene.record.accessToken);
});

test('signIn is told to stop when its last caller aborts, not before', async (scene) => {
  const signals: AbortSignal[] = [];
  const signIn = ({ signal }: { signal: AbortSignal }): Promise<TokenResponse> => {
    signals.push(signal);
    return untilAborted({ signal });
  };
  const shared = scene.open({ signIn });
  const [one, two] = [new AbortController(), new AbortController()];
  const calls = [one, two].map(({ signal }) => rejection(shared.getToken({ signal })));
  await scene.until('sign-in-started');
  one.abort();
  assert.is((await calls[0])?.name, 'AbortError');
  assert.not(signals[0]?.aborted);
  two.abort();
  assert.is((await calls[1])?.name, 'AbortError');
  await until(() => signals[0]?.aborted ?? false);
  await scene.until('sign-in-failed');
});

testSignedIn('a closed SharedToken rejects every call with CLOSED, and leaves the store open', async (scene) => {
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  assert.is(shared.close(), shared.close());
  await shared.close();
  const [told, reads] = [scene.events.length, scene.store.reads];
  const calls = [
    () => shared.getToken(),
    () => shared.getToken({ forceRefresh: true }),
    () => shared.signIn(),
    () => shared.signOut(),
    () => shared.read(),
  ];
  for (const call of calls) {
    const error = await rejection(call());
    assert.equal([error.code, error.retryable], ['CLOSED', false]);
  }
  assert.equal([scene.events.length, scene.store.reads], [told, reads], 'nothing was begun');
  assert.ok(await scene.open().getToken());
});

test('no call leaves a listener on a signal that lives longer', async () => {
  const { addEventListener } = EventTarget.prototype;
  const targets = new Set<EventTarget>();
  EventTarget.prototype.addEventListener = function (...args: Parameters<typeof addEventListener>) {
    targets.add(this);
    addEventListener.apply(this, args);
  };
  try {
    await using scene = openScene();
    const open = (): SharedToken => scene.open({ signIn: scene.provider.signIn });
    const [shared, other] = [open(), open()];
    const { signal } = new AbortController();
    await Promise.all([shared.getToken({ signal }), other.getToken({ signal })]);
    await shared.signIn({ signal });
    await Promise.all([shared.getToken({ forceRefresh: true, signal }), other.getToken({ forceRefresh: true })]);
    const left = [...targets].flatMap((target) => getEventListeners(target, 'abort'));
    assert.ok(targets.size > 0);
    assert.equal(left, []);
  } finally {
    EventTarget.prototype.addEventListener = addEventListener;
  }
});

testSignedIn('close() ends a wait for another process', async (scene) => {
  const answer = scene.holdAnswers();
  const refreshing = scene.open().getToken();
  await scene.until('refresh-started');
  const shared = scene.open();
  const call = rejection(shared.getToken());
  await scene.until('waiting');
  await shared.close();
  assert.is((await call).code, 'CLOSED');
  answer();
  await refreshing;
});

test('close() ends a signIn() with a signal of its own at once, although the function goes on', async (scene) => {
  const shared = scene.open({ signIn: () => new Promise(() => {}), refreshTimeout: 100 });
  const call = rejection(shared.signIn({ signal: new AbortController().signal }));
  await scene.until('sign-in-started');
  const closed = shared.close().then(() => undefined);
  assert.is((await Promise.race([call, closed]))?.code, 'CLOSED');
});

test('await using closes', async (scene) => {
  let call: Promise<Error & { code?: string }> | undefined;
  {
    await using shared = scene.open({ signIn: untilAborted });
    call = rejection(shared.getToken());
    await scene.until('sign-in-started');
  }
  assert.is((await call).code, 'CLOSED');
});

test.run();
