import { Agent, type Dispatcher } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { coversScopes, grantJudge, splitScope } from '../src/scopes.ts';
import { openScene, rejection } from './scene.ts';

const comparisons: [granted: string, needed: string, covered: boolean][] = [
  ['Files.Read', 'Files.Read', true],
  ['files.read', 'Files.Read', true],
  ['https://graph.microsoft.com/Files.Read User.Read', 'Files.Read', true],
  ['Files.Read', 'https://graph.microsoft.com/files.read', true],
  ['Files.Read', 'Files.Read openid profile email offline_access', true],
  ['Files.Read', 'https://graph.microsoft.com/.default', true],
  ['Files.Read', 'Files.ReadWrite', false],
  ['', 'Files.Read', false],
];
for (const [granted, needed, covered] of comparisons) {
  test(`"${granted}" ${covered ? 'covers' : 'does not cover'} "${needed}"`, () => {
    assert.is(coversScopes(splitScope(granted), splitScope(needed)), covered);
  });
}

test('asking for more scopes than granted needs consent, and keeps the scopes that were granted before', async () => {
  await using scene = await openScene();
  await scene.signedIn({ scopes: ['Files.Read'] });
  const wider = { scopes: ['User.Read'] };
  assert.is((await rejection(scene.handler({ ...wider, interactive: false }).getToken())).code, 'SIGN_IN_REQUIRED');
  await scene.handler(wider).getToken();
  assert.is(scene.windows.length, 2);
  await scene.handler({ scopes: ['Files.Read'], interactive: false }).getToken();
  await scene.handler({ scopes: ['Files.Read'], interactive: false }).getToken({ forceRefresh: true });
  await scene.handler({ ...wider, interactive: false }).getToken();
  assert.is(scene.windows.length, 2);
  const { scopes } = await scene.handler(wider).signIn();
  assert.not(scopes.includes('Files.Read'), 'signIn() asks for its own alone');
});

test('the refresh token of another client id or authority is never sent', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
  const other = scene.handler({ clientId: scene.authority.otherClientId, interactive: false });
  assert.is((await rejection(other.getToken())).code, 'SIGN_IN_REQUIRED');
  assert.not((await other.status()).signedIn);
  const elsewhere = scene.handler({ authority: `${scene.authority.origin}/common`, interactive: false });
  assert.is((await rejection(elsewhere.getToken())).code, 'SIGN_IN_REQUIRED');
  assert.is(scene.authority.count('token', 'refresh_token'), 0);
  const slash = scene.handler({ authority: `${scene.authority.url}/`, interactive: false });
  assert.ok((await slash.status()).signedIn, 'a slash at the end does not make it another authority');
});

test('two ID tokens are of different accounts only if a claim that both have differs', async () => {
  const accounts: [stored: object, refreshed: object, same: boolean][] = [
    [{ sub: 'ada' }, { sub: 'ada', oid: '1' }, true],
    [{ sub: 'ada', oid: '1' }, { sub: 'ada' }, true],
    [{ oid: '1' }, { sub: 'ada' }, true],
    [{ sub: 'ada' }, { sub: 'bob', oid: '1' }, false],
    [{ oid: '1' }, { oid: '2' }, false],
  ];
  await using scene = await openScene();
  for (const [stored, refreshed, same] of accounts) {
    await scene.signedIn();
    scene.change({ idToken: idTokenOf(stored), expiresAt: 1 });
    scene.authority.fail('token', {
      type: 'response',
      change: (body) => ({ ...body, id_token: idTokenOf(refreshed) }),
    });
    const refresh = scene.handler({ interactive: false }).getToken();
    if (same) await refresh;
    else assert.is((await rejection(refresh)).code, 'RESPONSE');
  }
});

test('status() takes the account from the claims of the ID token, and has none if the token cannot be read', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const accounts: [idToken: string, account: object | undefined][] = [
    [
      idTokenOf({ oid: '1', sub: '2', preferred_username: 'ada@example.com', email: 'x' }),
      { id: '1', username: 'ada@example.com' },
    ],
    [idTokenOf({ sub: '2', email: 'ada@example.com', name: 7 }), { id: '2', username: 'ada@example.com' }],
    [idTokenOf(['no', 'claims']), {}],
    [idTokenOf('no claims'), undefined],
    ['a.!.b', undefined],
    ['no token', undefined],
  ];
  for (const [idToken, account] of accounts) {
    scene.change({ idToken });
    assert.equal((await scene.handler().status()).account, account, idToken);
  }
});

test('a refresh asks for .default again, because Microsoft accepts it with no other scope of Graph', async () => {
  await using scene = await openScene();
  const scope = 'https://graph.microsoft.com/.default';
  await using refreshes = watchRefreshes();
  const { dispatcher } = refreshes;
  // Microsoft answers with the scopes that the registration lists.
  const change = (body: Record<string, unknown>): object => ({ ...body, scope: 'Files.Read User.Read' });
  scene.authority.fail('token', { type: 'response', change });
  await scene.signedInBefore({ scopes: [scope] });
  await scene.handler({ scopes: [scope], interactive: false, dispatcher }).getToken();
  assert.equal(refreshes.scopes, [`${scope} offline_access`]);
});

test('with useGrantedScopes, a stored sign-in counts with what it was granted, and that is asked for again', async () => {
  await using scene = await openScene();
  await using refreshes = watchRefreshes();
  const change = (body: Record<string, unknown>): object => ({ ...body, scope: 'Files.Read' });
  scene.authority.fail('token', { type: 'response', change });
  await scene.signedInBefore({ scopes: ['Files.Read'] });
  const options = { scopes: ['Files.ReadWrite.All', 'openid'], dispatcher: refreshes.dispatcher };
  const error = await rejection(scene.handler({ ...options, interactive: false }).getToken());
  assert.is(error.code, 'SIGN_IN_REQUIRED');
  const handler = scene.handler({ ...options, useGrantedScopes: true });
  await handler.getToken();
  assert.equal(refreshes.scopes, ['Files.Read openid offline_access']);
  await handler.signOut();
  await handler.getToken();
  const asked = scene.windows.map((url) => new URL(url).searchParams.get('scope'));
  assert.equal(asked, ['Files.Read offline_access', 'Files.ReadWrite.All openid offline_access']);
});

test('if the provider grants fewer scopes than asked for, the caller gets the token, an event says so, and the next call needs consent', async () => {
  await using scene = await openScene();
  const change = (body: Record<string, unknown>): object => ({ ...body, scope: 'Files.Read' });
  scene.authority.fail('token', { type: 'response', change });
  const scopes = ['Files.Read', 'User.Read'];
  const handler = scene.handler({ scopes });
  assert.ok(await handler.getToken());
  const event = scene.events.find(({ type }) => type === 'scopes-not-granted');
  assert.equal(event, { type: 'scopes-not-granted', scopes: ['User.Read'] });
  const error = await rejection(scene.handler({ scopes, interactive: false }).getToken());
  assert.is(error.code, 'SIGN_IN_REQUIRED');
  await handler.signIn();
  const told = scene.events.flatMap((each) => (each.type === 'signed-in' ? [each.scopes.includes('User.Read')] : []));
  assert.equal(told, [false, true], 'each event is of its own sign-in');
});

test('an answer without scopes grants what was asked for, and an id_token that is no text is none', async () => {
  await using scene = await openScene();
  for (const scope of [undefined, '', 7]) {
    scene.authority.fail('token', { type: 'response', change: (body) => ({ ...body, scope, id_token: 7 }) });
    const { scopes, account } = await scene.handler().signIn();
    assert.equal([scopes, account], [['Files.ReadWrite.All', 'offline_access'], undefined]);
  }
  assert.not(scene.events.some(({ type }) => type === 'scopes-not-granted'));
});

/** A dispatcher, and the scopes that refresh requests over it have asked for. */
function watchRefreshes(): { scopes: (string | null)[]; dispatcher: Dispatcher } & AsyncDisposable {
  const scopes: (string | null)[] = [];
  const dispatcher = new Agent().compose((dispatch) => (options, handler) => {
    const form = new URLSearchParams(String(options.body ?? ''));
    if (form.get('grant_type') === 'refresh_token') scopes.push(form.get('scope'));
    return dispatch(options, handler);
  });
  return { scopes, dispatcher, [Symbol.asyncDispose]: () => dispatcher.close() };
}

function idTokenOf(claims: object | string): string {
  return ['', Buffer.from(JSON.stringify(claims)).toString('base64url'), ''].join('.');
}

test('what one record was granted says nothing of another', () => {
  const judge = grantJudge({ scopes: ['Files.Read'], useGrantedScopes: false });
  assert.equal(
    ['User.Read', 'Files.Read', 'User.Read'].map((scope) => judge({ scope })),
    [false, true, false],
  );
});

test.run();
