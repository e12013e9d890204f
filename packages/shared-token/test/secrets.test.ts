import { inspect } from 'node:util';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { TokenRecord, TokenResponse } from '../src/index.ts';
import { mustNotAsk, type Scene, test, testSignedIn } from './scene.ts';

const secrets = {
  refreshToken: 'refresh+SECRET/1!"',
  accessToken: 'access+SECRET/2',
  idToken: 'id+SECRET/3',
  data: { clientSecret: 'data+SECRET/4' },
} satisfies TokenRecord;

/** Quotes everything it was given: raw, as an address and a form have it, and as JSON. */
function quote(record: object): Error {
  const values: string[] = Object.values(record).flatMap((value) =>
    typeof value === 'object' ? Object.values(value) : `${value}`,
  );
  const form = new URLSearchParams(values.map((value): [string, string] => [value, '']));
  const others = [values.map(encodeURIComponent), form, JSON.stringify(record)];
  const error = new Error(`The server did not understand ${values.join(' ')} or ${others.join(' ')}`);
  return Object.assign(error, { code: `E_${values[0]}` });
}

function assertNoSecret(text: string): void {
  assert.not.match(text, 'SECRET');
}

async function signedIn(scene: Scene): Promise<void> {
  await scene.store.set('my-app', { ...secrets, expiresAt: Date.now() - 1 });
}

test('an error of refresh that quotes the record is told by an event without the tokens, and reaches the caller whole', async (scene) => {
  await signedIn(scene);
  const error = await rejection(scene.open({ refresh: (record) => Promise.reject(quote(record)) }).getToken());
  assert.match(error.message, secrets.refreshToken);
  const [failed] = scene.events.filter(({ type }) => type === 'refresh-failed');
  assert.match(inspect(failed), 'The server did not understand … …');
  assert.match(inspect(failed), '"refreshToken":"…","accessToken":"…"');
  assertNoSecret(inspect(scene.events));
});

test('a value of 8 characters is a secret; a shorter one is not, and would garble the message', async (scene) => {
  const record = { refreshToken: 'of-eight', accessToken: 'seventh' };
  await scene.store.set('my-app', { ...record, expiresAt: Date.now() - 1 });
  const refresh = () => Promise.reject(new Error('of-eight, seventh'));
  await rejection(scene.open({ refresh }).getToken());
  const [failed] = scene.events.flatMap((event) => (event.type === 'refresh-failed' ? [event.error.message] : []));
  assert.is(failed, '…, seventh');
});

test('and without those of the record that another process had stored before it was refreshed', async (scene) => {
  await signedIn(scene);
  scene.store.get = async () => {
    Reflect.deleteProperty(scene.store, 'get');
    return { refreshToken: 'of before' };
  };
  await rejection(scene.open({ refresh: (record) => Promise.reject(quote(record)) }).getToken());
  assert.is(scene.count('refresh-failed'), 1);
  assertNoSecret(inspect(scene.events));
});

test('a refusal that quotes the record is neither in an event nor in the record, unless describeRefusal says so', async (scene) => {
  await signedIn(scene);
  const refresh = (record: TokenRecord) => Promise.reject(Object.assign(quote(record), { error: 'invalid_grant' }));
  const { message } = await rejection(scene.open({ refresh }).getToken());
  assertNoSecret(message);
  assertNoSecret(inspect(scene.events));
  assert.is(scene.record.refusedBecause, 'invalid_grant');
});

test('an error of the store that quotes the record is told by an event without the tokens', async (scene) => {
  await scene.store.set('my-app', { refreshToken: 'old', expiresAt: 0, accessToken: 'old' });
  scene.store.refuse = (record) => (record.refreshToken === 'old' ? undefined : quote(record));
  const { refreshToken, accessToken, idToken } = secrets;
  const response = { access_token: accessToken, refresh_token: refreshToken, id_token: idToken, expires_in: 3600 };
  await scene.open({ refresh: async () => response }).getToken();
  assert.is(scene.count('store-failed'), 1);
  assertNoSecret(inspect(scene.events));
  scene.store.refuse = () => undefined;
});

test('so is one of the lock of a sign-in, which quotes the token that was refused', async (scene) => {
  await scene.store.set('my-app', { ...secrets, expiresAt: 1, refusedAt: 1, refusedBecause: 'invalid_grant' });
  scene.store.exclusively = () => Promise.reject(new Error(`the lock of ${secrets.refreshToken} is broken`));
  assert.match((await rejection(scene.open({ signIn: mustNotAsk }).getToken())).message, secrets.refreshToken);
  assert.is(scene.count('sign-in-failed'), 1);
  assertNoSecret(inspect(scene.events));
});

test('a value of the record that is the beginning of its next token does not leave the end of that', async (scene) => {
  const data = { organization: '00D50000000IZ3Z' };
  await scene.signedIn({ data });
  scene.store.refuse = (record) => (record.accessToken === response.access_token ? quote(record) : undefined);
  const response = { access_token: `${data.organization}!SECRET`, expires_in: 3600 };
  await scene.open({ refresh: async () => response }).getToken();
  assert.is(scene.count('store-failed'), 1);
  assertNoSecret(inspect(scene.events));
  scene.store.refuse = () => undefined;
});

test('half a surrogate pair in a stored token does not take the place of the error of refresh', async (scene) => {
  await scene.signedIn({ accessToken: 'half a surrogate pair: \ud800' });
  const failure = new TypeError('fetch failed');
  scene.provider.failures.push(failure);
  assert.is(await rejection(scene.open().getToken()), failure);
});

test('a store that cannot be read, and quotes the token in memory, is told without it', async (scene) => {
  await scene.store.set('my-app', { ...secrets, expiresAt: Date.now() + 1_000 });
  const shared = scene.open({ expirySkew: 0 });
  await shared.getToken();
  scene.store.get = () => Promise.reject(quote({ accessToken: secrets.accessToken }));
  await rejection(shared.getToken({ forceRefresh: true }));
  assert.is(scene.count('refresh-failed'), 1);
  assertNoSecret(inspect(scene.events));
});

test('no message of our own errors names a token', async (scene) => {
  const responses = [
    { access_token: 'with a SECRET space', refresh_token: secrets.refreshToken },
    { access_token: secrets.accessToken, expires_in: 'SECRET' },
  ];
  for (const response of responses) {
    await signedIn(scene);
    const shared = scene.open({ refresh: async () => response, signIn: async () => response });
    for (const call of [shared.getToken(), shared.signIn()]) assertNoSecret(inspect(await rejection(call)));
  }
  assertNoSecret(inspect(scene.events));
});

test('a SharedToken shows no token when it is logged', async (scene) => {
  await scene.store.set('my-app', { ...secrets, expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open();
  await shared.getToken();
  assert.is(inspect(shared, { depth: 20, showHidden: true }).includes('SECRET'), false);
  assertNoSecret(JSON.stringify(shared) + String(shared));
});

for (const [name, listener] of [
  [
    'throws',
    () => {
      throw new Error('the log is full');
    },
  ],
  ['rejects', () => Promise.reject(new Error('the log is full'))],
] as const) {
  testSignedIn(`an onEvent that ${name} does not cost the token`, async (scene) => {
    const shared = scene.open({ onEvent: listener, signIn: scene.provider.signIn });
    await shared.getToken();
    await shared.signIn();
    await shared.signOut();
    scene.provider.failures.push(new TypeError('fetch failed'));
    await scene.signedIn();
    assert.is((await rejection(shared.getToken())).message, 'fetch failed');
  });
}

testSignedIn('onEvent gets the original error beside the event', async (scene) => {
  const failure = new TypeError('fetch failed');
  const originals: unknown[] = [];
  const refresh = (): Promise<TokenResponse> => Promise.reject(failure);
  await rejection(scene.open({ refresh, onEvent: (_, error) => originals.push(error) }).getToken());
  assert.equal(originals, [undefined, failure]);
});

test.run();
