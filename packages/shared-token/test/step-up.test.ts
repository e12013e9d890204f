import { setTimeout as sleep } from 'node:timers/promises';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SignIn, TokenRecord } from '../src/index.ts';
import { mustNotAsk, type Scene, test } from './scene.ts';

const hour = 3_600_000;

const scopesOf = ({ scope = '' }: { scope?: string | undefined }): string[] => scope.split(' ').filter(Boolean);

/** A person who grants what is asked for, apart from `denied`, and a program that asks for what it needs and what it had. */
function stepUp(scene: Scene, needed: string[], denied: readonly string[] = []) {
  const asked: string[] = [];
  const accepts = (record: TokenRecord): boolean => needed.every((scope) => scopesOf(record).includes(scope));
  const signIn: SignIn = async ({ record = {} }) => {
    const union = [...new Set([...scopesOf(record), ...needed])];
    asked.push(union.join(' '));
    return { ...(await scene.provider.signIn()), scope: union.filter((scope) => !denied.includes(scope)).join(' ') };
  };
  return { asked, options: { accepts, signIn } };
}

/** A good token with these scopes is stored. */
async function signedIn(scene: Scene, scope: string): Promise<void> {
  await scene.signedIn({ scope, obtainedAt: Date.now(), expiresAt: Date.now() + hour });
}

/** Does it with a wall clock that is an hour ahead. */
async function anHourLater<T>(work: () => Promise<T>, hours = 1): Promise<T> {
  const clock = Date.now;
  Date.now = () => clock() + hours * hour;
  try {
    return await work();
  } finally {
    Date.now = clock;
  }
}

test('8 instances that need more ask the person once, for what was granted and what is needed', async (scene) => {
  await signedIn(scene, 'files');
  const { asked, options } = stepUp(scene, ['mail']);
  const tokens = await Promise.all(Array.from({ length: 8 }, () => scene.open(options).getToken()));
  assert.is(new Set(tokens.map(({ accessToken }) => accessToken)).size, 1);
  assert.equal(asked, ['files mail']);
});

test('instances that need different things end with all of them, and are asked no more', async (scene) => {
  await signedIn(scene, 'files');
  const [mail, chat] = [stepUp(scene, ['mail']), stepUp(scene, ['chat'])];
  await Promise.all([scene.open(mail.options).getToken(), scene.open(chat.options).getToken()]);
  for (const { options } of [mail, chat]) await scene.open({ ...options, signIn: mustNotAsk }).getToken();
  assert.is(mail.asked.length + chat.asked.length, 2);
  assert.equal(scopesOf(scene.record).sort(), ['chat', 'files', 'mail']);
});

test('what a program needs may grow: peek() gives nothing then, and getToken() asks', async (scene) => {
  const needed = ['files'];
  const { asked, options } = stepUp(scene, needed);
  const shared = scene.open(options);
  await shared.getToken();
  needed.push('mail');
  assert.is(shared.peek(), undefined);
  const { code, reason } = await rejection(shared.getToken({ interactive: false }));
  assert.equal([code, reason], ['SIGN_IN_REQUIRED', 'not-accepted']);
  await shared.getToken();
  assert.equal(asked, ['files', 'files mail']);
  assert.ok(shared.peek());
});

test('a call that needs more than the refresh it joins asks the person', async (scene) => {
  await scene.signedIn({ scope: 'files' });
  const answer = Promise.withResolvers<void>();
  scene.provider.gate = answer.promise;
  const needed = ['files'];
  const { asked, options } = stepUp(scene, needed);
  const shared = scene.open(options);
  const before = shared.getToken();
  await scene.until('refresh-started');
  needed.push('mail');
  const after = shared.getToken();
  answer.resolve();
  await Promise.all([before, after]);
  assert.equal(asked, ['files mail']);
  assert.ok(shared.peek());
});

test('what came in the place of the record during the wait for its lock is not refreshed if it is not enough', async (scene) => {
  const turn = Promise.withResolvers<void>();
  await scene.signedIn({ scope: 'files' });
  const other = scene.store.exclusively('my-app', () => turn.promise);
  const call = rejection(scene.open(stepUp(scene, ['files']).options).getToken({ interactive: false }));
  await scene.until('waiting');
  await scene.signedIn({ scope: 'mail' });
  turn.resolve();
  await other;
  assert.is((await call).reason, 'not-accepted');
  assert.is(scene.provider.refreshes, 0);
});

test('if another process has stepped up, its token is used', async (scene) => {
  await signedIn(scene, 'files');
  const needed = ['files'];
  const { options } = stepUp(scene, needed);
  const shared = scene.open({ ...options, signIn: mustNotAsk });
  await shared.getToken();
  needed.push('mail');
  await signedIn(scene, 'files mail');
  assert.is((await shared.getToken()).accessToken, scene.record.accessToken);
});

test('a token in memory that is not accepted any more bridges nothing', async (scene) => {
  await signedIn(scene, 'files');
  const needed = ['files'];
  const { options } = stepUp(scene, needed);
  const shared = scene.open(options);
  await shared.getToken();
  needed.push('mail');
  scene.store.get = () => Promise.reject(new Error('the disk is gone'));
  assert.is((await rejection(shared.getToken({ interactive: false }))).code, 'STORE');
});

test('a token in memory that is not accepted any more is not given out while the store is silent', async (scene) => {
  await signedIn(scene, 'files');
  const needed = ['files'];
  const { options } = stepUp(scene, needed);
  const shared = scene.open({ ...options, interactive: false });
  await shared.getToken();
  needed.push('mail');
  const { promise, resolve } = Promise.withResolvers<TokenRecord>();
  scene.store.get = () => promise;
  const waiting = rejection(shared.getToken());
  // A store counts as silent by then.
  await sleep(700);
  resolve(scene.record);
  assert.is((await waiting).reason, 'not-accepted');
});

test('what its own sign-in brought counts although it is less, also after a refresh, until a call forces', async (scene) => {
  const { asked, options } = stepUp(scene, ['files', 'notes', 'mail'], ['mail']);
  const shared = scene.open(options);
  const first = await shared.getToken();
  assert.equal(shared.peek(), first);
  // Another process refreshes, and the provider names the scopes in another order.
  const refreshed = { accessToken: 'refreshed', expiresAt: Date.now() + 2 * hour, scope: 'notes files' };
  await scene.store.set('my-app', { ...scene.record, ...refreshed });
  await anHourLater(async () => assert.is((await shared.getToken()).accessToken, 'refreshed'));
  assert.is(asked.length, 1);
  await shared.getToken({ forceRefresh: true });
  assert.is(asked.length, 2);
  assert.ok(shared.peek());
});

for (const [first, next] of [
  ['files', 'https://graph.test/Files'],
  ['files ', 'files'],
  ['files files', 'files'],
  [undefined, 'files'],
] as const) {
  test(`what its own sign-in brought counts as ${next} after a refresh, although it came as ${first}`, async (scene) => {
    const { options } = stepUp(scene, ['mail']);
    let asked = 0;
    const signIn: SignIn = async () => {
      asked++;
      return { ...(await scene.provider.signIn()), scope: first };
    };
    const shared = scene.open({ ...options, signIn });
    await shared.getToken();
    scene.provider.extra = { scope: next };
    await anHourLater(() => shared.getToken());
    assert.is(scene.provider.refreshes, 1);
    assert.is(asked, 1);
  });
}

test('if a provider names fewer scopes at each refresh, the person is asked once more, and then only if more is needed', async (scene) => {
  const needed = ['files', 'offline'];
  const { asked, options } = stepUp(scene, needed);
  const shared = scene.open(options);
  await shared.getToken();
  scene.provider.extra = { scope: 'files' };
  for (let life = 1; life <= 3; life++) await anHourLater(() => shared.getToken(), life);
  assert.is(asked.length, 2);
  needed.push('mail');
  await anHourLater(async () => assert.is(shared.peek(), undefined), 3);
});

test('two instances to which the same was denied do not ask by turns', async (scene) => {
  const { asked, options } = stepUp(scene, ['files', 'mail'], ['mail']);
  const [one, other] = [scene.open(options), scene.open(options)];
  for (const shared of [one, other, one, other]) await shared.getToken();
  // What is in memory does not count any more: what is stored is the sign-in of the other one.
  await anHourLater(() => one.getToken());
  assert.is(asked.length, 2);
});

test('a call that finds what its own sign-in has just stored does not ask again, although it is less', async (scene) => {
  const { asked, options } = stepUp(scene, ['files', 'mail'], ['mail']);
  const shared = scene.open(options);
  const stop = new AbortController();
  const { store } = scene;
  const set = store.set.bind(store);
  let second: Promise<unknown> | undefined;
  store.set = async (...args) => {
    await set(...args);
    store.set = set;
    // The caller lets go, so the next call does not join it.
    stop.abort();
    second = shared.getToken();
    await sleep(20);
  };
  await rejection(shared.getToken({ signal: stop.signal }));
  await second;
  assert.is(asked.length, 1);
});

test('a call that forces while a sign-in is being stored does not make the person be asked again', async (scene) => {
  await signedIn(scene, 'files');
  const needed = ['files'];
  const { asked, options } = stepUp(scene, needed, ['mail']);
  const shared = scene.open(options);
  await shared.getToken();
  needed.push('mail');
  const { begun, goOn } = scene.store.holdWrites();
  const call = shared.getToken();
  await begun;
  // It rejects the token of before.
  const forced = shared.getToken({ forceRefresh: true });
  goOn();
  assert.equal(await forced, await call);
  assert.equal(asked, ['files mail']);
});

test('what the sign-in of another process brought does not count if it is less', async (scene) => {
  const { options } = stepUp(scene, ['files', 'mail'], ['mail']);
  await scene.open(options).getToken();
  const other = scene.open({ ...options, interactive: false });
  assert.is((await rejection(other.getToken())).reason, 'not-accepted');
});

test('what its own sign-in brought does not count after a sign-out', async (scene) => {
  const { options } = stepUp(scene, ['files', 'mail'], ['mail']);
  const shared = scene.open(options);
  await shared.getToken();
  await shared.signOut();
  await signedIn(scene, 'files');
  assert.is((await rejection(shared.getToken({ interactive: false }))).reason, 'not-accepted');
});

test('what its last sign-in brought counts although it is less, also if the clock was set back before it', async (scene) => {
  const { asked, options } = stepUp(scene, ['files', 'mail'], ['mail']);
  const shared = scene.open(options);
  await shared.getToken();
  await scene.store.delete('my-app');
  await anHourLater(async () => {
    await shared.getToken({ forceRefresh: true });
    await shared.getToken();
  }, -1);
  assert.is(asked.length, 2);
});

test('what another program stored without its client counts as well, if it has what the person has granted here', async (scene) => {
  const { asked, options } = stepUp(scene, ['files', 'notes', 'mail'], ['mail']);
  const shared = scene.open({ ...options, clientId: 'own' });
  await shared.getToken();
  const later = await anHourLater(async () => {
    await signedIn(scene, 'notes files');
    return shared.getToken();
  });
  assert.is(later.accessToken, scene.record.accessToken);
  assert.is(asked.length, 1);
});

test('the same scopes do not make up for another client, which the program does not accept', async (scene) => {
  await scene.signedIn({ clientId: 'other', scope: 'files' });
  const signIn: SignIn = async () => ({ ...(await scene.provider.signIn()), scope: 'files' });
  const shared = scene.open({ accepts: ({ clientId }) => clientId !== 'other', signIn });
  await shared.getToken();
  await scene.signedIn({ clientId: 'other', scope: 'files', signedInAt: Date.now() + 1 });
  const later = anHourLater(() => rejection(shared.getToken({ interactive: false })));
  assert.is((await later).reason, 'not-accepted');
});

for (const stillDenied of [[], ['mail']])
  test(`what its own sign-in brought does not count after one that brought ${stillDenied.length > 0 ? 'more' : 'all'}`, async (scene) => {
    const denied = ['notes', 'mail'];
    const { options } = stepUp(scene, ['files', 'notes', 'mail'], denied);
    const shared = scene.open(options);
    await shared.getToken();
    denied.splice(0, 2, ...stillDenied);
    await shared.signIn();
    await signedIn(scene, 'files');
    const later = anHourLater(() => rejection(shared.getToken({ interactive: false })));
    assert.is((await later).reason, 'not-accepted');
  });

test('a forced call that begins anew asks nobody again who has just denied something', async (scene) => {
  await signedIn(scene, 'files');
  const { accessToken = '' } = scene.record;
  const { asked, options } = stepUp(scene, ['files', 'mail'], ['mail']);
  const person = Promise.withResolvers<void>();
  const signIn: SignIn = async (context) => {
    await person.promise;
    return { ...(await options.signIn(context)), access_token: accessToken };
  };
  const shared = scene.open({ ...options, signIn });
  const first = shared.getToken();
  await scene.until('sign-in-started');
  // It joins that sign-in, which brings the very token that it rejects.
  const forced = shared.getToken({ forceRefresh: true });
  await new Promise((resolve) => setImmediate(resolve));
  person.resolve();
  await first;
  assert.is.not((await forced).accessToken, accessToken);
  assert.equal(asked, ['files mail']);
});

test.run();
