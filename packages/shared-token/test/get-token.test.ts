import { rejection, within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { TokenEndpointError } from './rotating-provider.ts';
import { test, testSignedIn } from './scene.ts';

const hour = 3_600_000;

testSignedIn('an expired token is refreshed, and the new one is stored before it is returned', async (scene) => {
  const { accessToken, expiresAt, obtainedAt } = await scene.open().getToken();
  const { record } = scene;
  assert.equal([record.accessToken, record.expiresAt, record.obtainedAt], [accessToken, expiresAt, obtainedAt]);
  assert.ok(scene.provider.accepts(record.refreshToken), 'the newest refresh token is stored');
  assert.is(expiresAt - obtainedAt, hour);
});

test('a stored token that expires within expirySkew is refreshed', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  await scene.open({ expirySkew: 61_000 }).getToken();
  assert.is(scene.provider.refreshes, 1);
});

test('a stored token that is valid for longer than expirySkew is returned without a request', async (scene) => {
  const expiresAt = Date.now() + 60_000;
  await scene.signedIn({ accessToken: 'stored', expiresAt });
  assert.equal(await scene.open({ expirySkew: 50_000 }).getToken(), {
    accessToken: 'stored',
    expiresAt,
    obtainedAt: scene.record.obtainedAt,
  });
  assert.is(scene.provider.refreshes, 0);
  assert.equal(scene.events, [{ type: 'stored-token', expiresAt }]);
});

testSignedIn('a token in memory is returned without reading the store, and makes no event', async (scene) => {
  const shared = scene.open();
  const first = await shared.getToken();
  const { reads } = scene.store;
  const events = scene.events.length;
  assert.equal(await shared.getToken(), first);
  assert.is(scene.store.reads, reads);
  assert.is(scene.events.length, events);
});

testSignedIn('100 calls at once make one refresh, and all get its token', async (scene) => {
  const shared = scene.open();
  const tokens = await Promise.all(Array.from({ length: 100 }, () => shared.getToken()));
  assert.is(new Set(tokens.map(({ accessToken }) => accessToken)).size, 1);
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('10 processes at expiry make one refresh, and all get its token', async (scene) => {
  const tokens = await Promise.all(Array.from({ length: 10 }, () => scene.open().getToken()));
  assert.is(new Set(tokens.map(({ accessToken }) => accessToken)).size, 1);
  assert.is(scene.provider.refreshes, 1);
});

test('processes that waited for a refresh take its token even if it expires within expirySkew', async (scene) => {
  await scene.signedIn();
  scene.provider.expiresIn = 60;
  await Promise.all(Array.from({ length: 5 }, () => scene.open().getToken()));
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('peek() gives nothing before the first token, and the token in memory after it', async (scene) => {
  const shared = scene.open();
  assert.is(shared.peek(), undefined);
  const { accessToken } = await shared.getToken();
  assert.is(shared.peek()?.accessToken, accessToken);
});

testSignedIn('peek() gives nothing if getToken() would not return the token in memory', async (scene) => {
  const shared = scene.open();
  await shared.getToken();
  assert.is(shared.peek({ forceRefresh: true }), undefined);
  assert.is(shared.peek({ signal: AbortSignal.abort() }), undefined);
  await shared.close();
  assert.is(shared.peek(), undefined);
});

test('peek() gives nothing once the token expires within expirySkew', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  const { accessToken } = scene.record;
  scene.provider.failures.push(new TypeError('fetch failed'));
  const shared = scene.open({ expirySkew: 61_000 });
  assert.is((await shared.getToken()).accessToken, accessToken);
  assert.is(shared.peek(), undefined);
});

test('a call whose need the stored token meets waits for no refresh of another call, here or in another process', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() - hour / 2, expiresAt: Date.now() + hour / 2 });
  const stored = scene.record.accessToken;
  const answer = scene.holdAnswers();
  const shared = scene.open();
  const long = shared.getToken({ minValid: 0.8 * hour });
  const plain = [shared.getToken(), scene.until('refresh-started').then(() => shared.getToken())];
  plain.push(scene.until('refresh-started').then(() => scene.open().getToken()));
  const tokens = within('the tokens', Promise.all(plain), 5_000).finally(answer);
  for (const { accessToken } of await tokens) assert.is(accessToken, stored);
  assert.is.not((await long).accessToken, stored);
});

test('forced calls of a new process reject the token that the first of them finds, and send one refresh', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + hour });
  const { accessToken } = scene.record;
  const shared = scene.open();
  const calls = [1, 2].map(() => shared.getToken({ forceRefresh: true }));
  for (const token of await Promise.all(calls)) assert.is.not(token.accessToken, accessToken);
  assert.is(scene.provider.refreshes, 1);
});

test('a forced refresh takes the token that another process has stored since, without a request', async (scene) => {
  await scene.signedIn();
  const [one, other] = [scene.open(), scene.open()];
  await one.getToken();
  const newer = await other.getToken({ forceRefresh: true });
  assert.equal(await one.getToken({ forceRefresh: true }), newer);
  assert.is(scene.provider.refreshes, 2);
});

testSignedIn('two processes that force a refresh at the same time make one request', async (scene) => {
  const processes = [scene.open(), scene.open()];
  await Promise.all(processes.map((shared) => shared.getToken()));
  const tokens = await Promise.all(processes.map((shared) => shared.getToken({ forceRefresh: true })));
  assert.equal(tokens[0], tokens[1]);
  assert.is(scene.provider.refreshes, 2);
});

test('a caller that forces does not join a refresh that does not force; others join a forced one', async (scene) => {
  await scene.signedIn();
  const answer = scene.holdAnswers();
  const shared = scene.open();
  const calls = [shared.getToken(), shared.getToken({ forceRefresh: true }), shared.getToken()];
  answer();
  const [unforced, forced, joined] = await Promise.all(calls);
  assert.equal(forced, joined);
  // The refresh that was under way came after the caller knew its token to be useless.
  assert.equal(unforced, forced);
  assert.is(scene.provider.refreshes, 1);
});

test('a clock that was set back makes the stored token count as expired', async (scene) => {
  await scene.signedIn({ obtainedAt: Date.now() + hour, expiresAt: Date.now() + 2 * hour });
  await scene.open().getToken();
  assert.is(scene.provider.refreshes, 1);
});

testSignedIn('a clock that is set back makes the token in memory count as expired', async (scene) => {
  const shared = scene.open();
  await shared.getToken();
  const now = Date.now;
  Date.now = () => now() - 2 * hour;
  try {
    assert.is(shared.peek(), undefined);
    await shared.getToken();
  } finally {
    Date.now = now;
  }
  assert.is(scene.provider.refreshes, 2);
});

test('a token that has ended is not valid again because the clock was set back', async (scene) => {
  await scene.signedIn({ accessToken: 'old', obtainedAt: Date.now(), expiresAt: Date.now() + hour });
  const shared = scene.open();
  await shared.getToken();
  const [now, clock] = [Date.now, performance.now];
  const pass = (minutes: number): void => {
    Date.now = () => now() + (minutes - 20) * 60_000;
    performance.now = () => clock.call(performance) + minutes * 60_000;
  };
  try {
    pass(50);
    // As long as it is valid, it bridges a refresh that fails.
    scene.provider.failures.push(new TokenEndpointError('slow_down', 1), new TypeError('fetch failed'));
    assert.is((await shared.getToken({ minValid: hour / 2 })).accessToken, 'old');
    pass(65);
    assert.is((await rejection(shared.getToken())).message, 'fetch failed');
    scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
    for (const _ of [1, 2]) assert.is((await rejection(shared.getToken())).reason, 'refused');
    const { refreshes } = scene.provider;
    assert.is.not((await shared.getToken({ forceRefresh: true })).accessToken, 'old');
    assert.is(scene.provider.refreshes - refreshes, 1);
  } finally {
    [Date.now, performance.now] = [now, clock];
  }
});

test('a forced call sends one refresh request, also if the provider answers with the same access token', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + hour });
  const shared = scene.open();
  const { accessToken } = await shared.getToken();
  scene.provider.extra = { access_token: accessToken };
  assert.is((await shared.getToken({ forceRefresh: true })).accessToken, accessToken);
  assert.is(scene.provider.refreshes, 1);
});

for (const nothing of [null, {}, { refreshToken: '' }, { refreshToken: 5 }, { accessToken: '' }, { accessToken: 5 }]) {
  test(`a store that gives ${JSON.stringify(nothing)} has no sign-in`, async (scene) => {
    scene.store.records.set('my-app', nothing as never);
    assert.is((await rejection(scene.open().getToken())).code, 'SIGN_IN_REQUIRED');
    assert.is(await scene.open().read(), undefined);
    assert.is(scene.provider.refreshes, 0);
  });
}

for (const accessToken of ['', 5]) {
  test(`${JSON.stringify(accessToken)} as the stored access token is none`, async (scene) => {
    await scene.signedIn({ accessToken: accessToken as never, expiresAt: Date.now() + hour });
    const shared = scene.open();
    assert.is((await shared.read())?.accessToken, undefined);
    assert.is((await shared.getToken()).accessToken, 'access-token-2');
  });
}

test('a provider that answers with the same access token gives it a longer life, also in memory', async (scene) => {
  await scene.signedIn({ accessToken: 'same', obtainedAt: Date.now() - 3_590_000, expiresAt: Date.now() + 10_000 });
  scene.provider.extra = { access_token: 'same' };
  scene.provider.failures.push(new Error('no network'));
  const shared = scene.open();
  assert.ok((await shared.getToken()).expiresAt < Date.now() + 20_000);
  assert.ok((await shared.getToken()).expiresAt > Date.now() + 20_000);
  assert.is(shared.peek()?.expiresAt, scene.record.expiresAt);
});

test('a store that gives null for absent fields, and times as text, is as good as another', async (scene) => {
  const expiresAt = String(Date.now() + hour);
  const absent = { obtainedAt: null, clientId: null, authority: null, scope: null, refusedAt: null };
  const record = { refreshToken: 'r', accessToken: 'stored', expiresAt, ...absent };
  scene.store.records.set('my-app', record as never);
  const shared = scene.open({ clientId: 'my-client', authority: 'https://provider.test' });
  assert.is((await shared.getToken()).accessToken, 'stored');
  assert.equal(await shared.read(), { refreshToken: 'r', accessToken: 'stored', expiresAt: Number(expiresAt) });
});

test.run();
