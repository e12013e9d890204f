import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { test } from './scene.ts';

const ours = { clientId: 'our-client', authority: 'https://login.test/tenant' };

for (const [name, other] of [
  ['another client id', { clientId: 'other-client' }],
  ['a client id in another case', { clientId: 'OUR-CLIENT' }],
  ['another authority', { authority: 'https://login.test/other' }],
  ['an authority with another port', { authority: 'https://login.test:8443/tenant' }],
] as const) {
  test(`a record of ${name} is not ours: nothing is sent, and nothing is changed`, async (scene) => {
    await scene.signedIn({ ...ours, ...other });
    const { record } = scene;
    const shared = scene.open(ours);
    const error = await rejection(shared.getToken());
    assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'not-signed-in']);
    assert.is(await shared.read(), undefined);
    assert.is(scene.provider.refreshes, 0);
    assert.equal(scene.record, record);
  });
}

test('a valid access token of another client is not returned either', async (scene) => {
  await scene.signedIn({ clientId: 'other-client', expiresAt: Date.now() + 3_600_000 });
  assert.is((await rejection(scene.open(ours).getToken())).code, 'SIGN_IN_REQUIRED');
});

test("a record that becomes another client's while a process waits for the lock is not signed out, but not ours", async (scene) => {
  await scene.signedIn({ clientId: undefined });
  const answer = scene.holdAnswers();
  const other = scene.open({ clientId: 'other-client' }).getToken();
  await scene.until('refresh-started');
  const call = rejection(scene.open({ clientId: 'our-client' }).getToken());
  answer();
  await other;
  assert.equal([(await call).code, (await call).reason], ['SIGN_IN_REQUIRED', 'not-signed-in']);
});

test('signing in replaces the record of another client, whose refresh then stores nothing', async (scene) => {
  await scene.signedIn({ clientId: 'other-client' });
  const answer = scene.holdAnswers();
  const other = rejection(scene.open({ clientId: 'other-client' }).getToken());
  await scene.until('refresh-started');
  // The refresh of the other client holds the record's lock, and is not waited for any longer than refreshTimeout.
  const { accessToken } = await scene.open({ ...ours, signIn: scene.provider.signIn, refreshTimeout: 100 }).getToken();
  answer();
  assert.is((await other).code, 'SIGN_IN_REQUIRED');
  assert.equal([scene.record.accessToken, scene.record.clientId], [accessToken, 'our-client']);
});

for (const spelling of ['https://LOGIN.test/Tenant', 'https://login.test/tenant/', 'https://login.test/tenant///']) {
  test(`${spelling} is the authority ${ours.authority}`, async (scene) => {
    await scene.signedIn({ ...ours, authority: spelling });
    await scene.open(ours).getToken();
    assert.is(scene.record.authority, ours.authority);
  });
}

test('a record that names neither client nor authority is ours, and names them after a refresh', async (scene) => {
  await scene.signedIn();
  await scene.open(ours).getToken();
  assert.equal([scene.record.clientId, scene.record.authority], [ours.clientId, ours.authority]);
});

test('without clientId and authority every record is ours, and keeps what it names', async (scene) => {
  await scene.signedIn(ours);
  await scene.open().getToken();
  assert.equal([scene.record.clientId, scene.record.authority], [ours.clientId, ours.authority]);
});

test.run();
