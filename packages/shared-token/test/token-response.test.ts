import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { TokenResponse } from '../src/index.ts';
import { test, testSignedIn } from './scene.ts';

const year = 365 * 24 * 60 * 60;

const unusable: [name: string, response: unknown][] = [
  ['nothing', undefined],
  ['text', 'access_token=a&expires_in=3600'],
  ['no access_token', { token_type: 'Bearer' }],
  ['a number as access_token', { access_token: 5 }],
  ['an empty access_token', { access_token: '' }],
  ['an access_token with a line break', { access_token: 'a\r\nX-Injected: yes' }],
  ['an access_token that is not ASCII', { access_token: 'jeton-d’accès' }],
  ['a negative expires_in', { access_token: 'a', expires_in: -1 }],
  ['an expires_in of more than a year', { access_token: 'a', expires_in: year + 1 }],
  ['an expires_in that is no number', { access_token: 'a', expires_in: 'soon' }],
  ['NaN as expires_in', { access_token: 'a', expires_in: Number.NaN }],
];

for (const [name, response] of unusable) {
  test(`${name} from signIn or refresh is RESPONSE, and stores nothing`, async (scene) => {
    const answer = async () => response as TokenResponse;
    assert.is((await rejection(scene.open({ signIn: answer }).getToken())).code, 'RESPONSE');
    assert.equal([scene.store.records.size, scene.count('sign-in-failed')], [0, 1]);
    await scene.signedIn();
    const { record } = scene;
    const error = await rejection(scene.open({ refresh: answer }).getToken());
    assert.equal([error.code, error.retryable], ['RESPONSE', false]);
    assert.equal(scene.record, record);
  });
}

for (const extra of [{ expires_in: 10 * year }, { expires_in: '3600.0' }, { expires_in: '' }, { access_token: '' }]) {
  test(`the refresh token of an answer with ${JSON.stringify(extra)} is stored before the call ends in RESPONSE`, async (scene) => {
    const now = Date.now();
    await scene.signedIn({
      expiresAt: now - 1,
      refusedAt: now,
      refusedBecause: 'invalid_grant',
      refreshExpiresAt: now,
    });
    scene.provider.extra = extra as Partial<TokenResponse>;
    const shared = scene.open();
    assert.is((await rejection(shared.getToken({ forceRefresh: true }))).code, 'RESPONSE');
    assert.is(scene.record.refreshToken, 'refresh-token-2');
    // Neither the mark of the old one, nor an access token that may have ended with it.
    const { refusedAt, refusedBecause, refreshExpiresAt, accessToken } = scene.record;
    assert.equal([refusedAt, refusedBecause, refreshExpiresAt, accessToken], Array(4).fill(undefined));
    scene.provider.extra = {};
    assert.is((await shared.getToken()).accessToken, 'access-token-3');
  });
}

test('a token that is still valid bridges an answer that cannot be used, and its refresh token is stored beside it', async (scene) => {
  await scene.signedIn({ expiresAt: Date.now() + 60_000 });
  scene.provider.extra = { access_token: '', refresh_token_expires_in: 60 };
  const { accessToken } = await scene.open().getToken();
  assert.equal([accessToken, scene.record.accessToken], ['access-token-1', 'access-token-1']);
  assert.is(scene.record.refreshToken, 'refresh-token-2');
  assert.ok((scene.record.refreshExpiresAt ?? 0) > Date.now());
});

test('an answer that cannot be used and comes too late brings its refresh token all the same', async (scene) => {
  await scene.signedIn();
  const gate = Promise.withResolvers<void>();
  scene.provider.extra = { access_token: '' };
  scene.provider.gate = gate.promise;
  await rejection(scene.open({ refreshTimeout: 50 }).getToken());
  gate.resolve();
  await until(() => scene.record.refreshToken === 'refresh-token-2');
});

testSignedIn('null as expires_in is none', async (scene) => {
  scene.provider.extra = { expires_in: null as never };
  assert.is((await scene.open().getToken()).expiresAt, 8_640_000_000_000_000);
});

for (const [expiresIn, milliseconds] of [
  [3600, 3_600_000],
  ['3600', 3_600_000],
  [0.5, 500],
  [year, year * 1000],
] as const) {
  testSignedIn(`expires_in ${JSON.stringify(expiresIn)} is ${milliseconds} ms`, async (scene) => {
    scene.provider.expiresIn = expiresIn;
    const { expiresAt, obtainedAt } = await scene.open().getToken();
    assert.is(expiresAt - obtainedAt, milliseconds);
  });
}

for (const unnamed of [{}, { refresh_token: '', scope: '', id_token: 5 as never }]) {
  test(`a response with ${JSON.stringify(unnamed)} and an access token keeps what else is stored`, async (scene) => {
    const kept = { scope: 'files', idToken: 'an-id-token', refreshExpiresAt: Date.now() + 1_000_000 };
    await scene.signedIn(kept);
    const { refreshToken } = scene.record;
    const refresh = async () => ({ access_token: 'new', expires_in: 3600, ...unnamed });
    await scene.open({ refresh }).getToken();
    const { accessToken, scope, idToken, refreshExpiresAt } = scene.record;
    assert.equal({ scope, idToken, refreshExpiresAt }, kept);
    assert.equal([scene.record.refreshToken, accessToken], [refreshToken, 'new']);
    assert.ok(scene.events.some((event) => event.type === 'refreshed' && !event.rotated));
  });
}

test('scope and id_token of a response replace those that are stored', async (scene) => {
  await scene.signedIn({ scope: 'files', idToken: 'an-id-token' });
  scene.provider.extra = { scope: 'files mail', id_token: 'a-newer-one' };
  await scene.open().getToken();
  assert.equal([scene.record.scope, scene.record.idToken], ['files mail', 'a-newer-one']);
  assert.ok(scene.events.some((event) => event.type === 'refreshed' && event.rotated));
});

for (const field of ['refresh_token', 'scope', 'id_token'] as const) {
  testSignedIn(`half a surrogate pair in ${field} does not keep the answer out of the store`, async (scene) => {
    scene.provider.extra = { [field]: 'cut \ud83d' };
    await scene.open().getToken();
    const { accessToken, ...stored } = scene.record;
    assert.is(accessToken, 'access-token-2');
    assert.ok(Object.values(stored).includes('cut \ufffd'));
  });
}

testSignedIn('a refresh_token_expires_in that no Date can hold counts as none', async (scene) => {
  scene.provider.extra = { refresh_token_expires_in: 1e306 };
  await scene.open().getToken();
  assert.is(scene.record.refreshExpiresAt, undefined);
  assert.is(scene.record.refreshToken, 'refresh-token-2');
});

test('refresh_token_expires_in becomes refreshExpiresAt, from a refresh and from a sign-in', async (scene) => {
  scene.provider.extra = { refresh_token_expires_in: 15_897_600 };
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  const { refreshExpiresAt, obtainedAt = 0 } = scene.record;
  assert.is(refreshExpiresAt, obtainedAt + 15_897_600_000);
  scene.provider.extra = { refresh_token_expires_in: '60' };
  await shared.getToken({ forceRefresh: true });
  assert.is(scene.record.refreshExpiresAt, (scene.record.obtainedAt ?? 0) + 60_000);
});

test('a new refresh token without refresh_token_expires_in has no refreshExpiresAt', async (scene) => {
  await scene.signedIn({ refreshExpiresAt: Date.now() + 1_000_000 });
  await scene.open().getToken();
  assert.not('refreshExpiresAt' in scene.record);
});

test('refreshExpiresAt is the first of all limits that a response has', async (scene) => {
  scene.provider.extra = { refresh_token_timeout: 600, authorization_expires_in: '500', refresh_token_expires_in: 700 };
  const shared = scene.open({ signIn: scene.provider.signIn });
  await shared.getToken();
  assert.is(scene.record.refreshExpiresAt, (scene.record.obtainedAt ?? 0) + 500_000);
  scene.provider.extra = { refresh_token_timeout: 600, authorization_expires_in: 'never' };
  await shared.getToken({ forceRefresh: true });
  assert.is(scene.record.refreshExpiresAt, (scene.record.obtainedAt ?? 0) + 600_000);
});

for (const absurd of [-1, 'later', Number.POSITIVE_INFINITY]) {
  testSignedIn(`refresh_token_expires_in ${absurd} is ignored`, async (scene) => {
    scene.provider.extra = { refresh_token_expires_in: absurd };
    await scene.open().getToken();
    assert.not('refreshExpiresAt' in scene.record);
  });
}

test('data of a sign-in is kept with the record by each refresh, until a refresh returns other data', async (scene) => {
  const registration = { client_id: 'dynamic', ['__proto__']: 'a value' };
  const seen: unknown[] = [];
  const responses: (object | undefined)[] = [undefined, { data: { issuer: 'other' } }, { data: {} }];
  const shared = scene.open({
    signIn: async () => ({ ...(await scene.provider.signIn()), data: registration }),
    refresh: async (record) => {
      seen.push(record.data);
      return { ...(await scene.provider.refresh(record)), ...responses.shift() };
    },
  });
  await shared.getToken();
  for (const kept of [registration, registration, { issuer: 'other' }, {}]) {
    assert.equal(Object.entries(scene.record.data ?? {}), Object.entries(kept));
    if (responses.length > 0) await shared.getToken({ forceRefresh: true });
  }
  assert.equal(seen, [registration, registration, { issuer: 'other' }]);
  await shared.signIn({ signIn: scene.provider.signIn });
  assert.not('data' in scene.record);
});

test('data that no store takes is left out, and costs no token', async (scene) => {
  await scene.signedIn({ data: { issuer: 'issuer' } });
  for (const data of [5, null, ['text'], { issuer: 5 }, { long: 'x'.repeat(65_536) }]) {
    scene.provider.extra = { data: data as never };
    await scene.open().getToken({ forceRefresh: true });
    assert.ok(scene.provider.accepts(scene.record.refreshToken));
    assert.equal(scene.record.data, { issuer: 'issuer' });
  }
});

test('nothing that is done to data, given or got, changes what is kept', async (scene) => {
  const data = { issuer: 'issuer' };
  const change = (given: object | undefined): void => {
    assert.throws(() => Object.assign(given ?? {}, { issuer: 'changed' }), TypeError);
  };
  const shared = scene.open({
    signIn: async ({ record }) => {
      if (record) change(record.data);
      return { ...(await scene.provider.signIn()), data };
    },
    refresh: async (record) => {
      change(record.data);
      return scene.provider.refresh(record);
    },
  });
  await shared.signIn();
  data.issuer = 'changed';
  change((await shared.read())?.data);
  await shared.getToken({ forceRefresh: true });
  assert.equal(scene.record.data, { issuer: 'issuer' });
  data.issuer = 'issuer';
  await shared.signIn();
  assert.equal(scene.record.data, { issuer: 'issuer' });
});

test.run();
