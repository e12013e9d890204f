import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScriptedBrowser, startAuthority } from '../src/index.ts';
import { App } from './app.ts';

const authority = await startAuthority();
const app = new App(authority);
test.after(() => authority.close());

test('a refresh may name offline_access, openid and the prefix of Graph even if the sign-in did not', async () => {
  const { json } = await app.signIn({ scope: 'Files.Read offline_access' });
  const scope = 'https://graph.microsoft.com/Files.Read offline_access';
  const refreshed = await app.refresh(json.refresh_token, { scope });
  assert.is(refreshed.status, 200);
  assert.is(refreshed.json.scope, 'https://graph.microsoft.com/Files.Read');
  const withIdentity = await app.refresh(refreshed.json.refresh_token, {
    scope: 'Files.Read openid profile offline_access',
  });
  assert.is(withIdentity.status, 200);
});

test('a refresh for fewer scopes gets an access token for those, and the next refresh can have all again', async () => {
  const { json } = await app.signIn({ scope: 'Files.Read User.Read offline_access' });
  const fewer = await app.refresh(json.refresh_token, { scope: 'User.Read' });
  assert.is(fewer.json.scope, 'User.Read');
  const all = await app.refresh(fewer.json.refresh_token);
  assert.is(all.json.scope, 'Files.Read User.Read');
});

test('a refresh for more scopes than granted is consent_required, AADSTS65001, and does not use up the token', async () => {
  const { json } = await app.signIn({ scope: 'Files.Read offline_access' });
  const { status, json: error } = await app.refresh(json.refresh_token, { scope: 'Files.Read Mail.Read' });
  assert.is(status, 400);
  assert.is(error.error, 'invalid_grant');
  assert.is(error.suberror, 'consent_required');
  assert.equal(error.error_codes, [65001]);
  assert.is((await app.refresh(json.refresh_token)).status, 200);
});

test('a refresh token used twice revokes its whole grant with the newest tokens, and no other grant', async () => {
  const other = await app.signIn();
  const { json: first } = await app.signIn();
  const { json: second } = await app.refresh(first.refresh_token);
  const reused = await app.refresh(first.refresh_token);
  assert.is(reused.json.error, 'invalid_grant');
  assert.equal(reused.json.error_codes, [70000]);
  assert.is((await app.refresh(second.refresh_token)).json.error, 'invalid_grant');
  assert.is((await app.graph('/me', second.access_token)).status, 401);
  assert.is((await app.refresh(other.json.refresh_token)).status, 200);
});

test('two sign-ins in one browser are two grants: if one is revoked, the other stays valid', async () => {
  const browser = new ScriptedBrowser();
  const { json: first } = await app.signIn({}, { browser });
  const { json: second } = await app.signIn({}, { browser });
  await app.refresh(first.refresh_token);
  assert.is((await app.refresh(first.refresh_token)).json.error, 'invalid_grant');
  assert.is((await app.refresh(second.refresh_token)).status, 200);
});

test('the tokens of an app stay valid if another user signs in in the same browser', async () => {
  const browser = new ScriptedBrowser();
  const { json } = await app.signIn({}, { browser, username: 'ada@example.com' });
  await app.signIn({ prompt: 'login' }, { browser, username: 'grace@example.com' });
  assert.is((await app.graph('/me', json.access_token)).json.userPrincipalName, 'ada@example.com');
  assert.is((await app.refresh(json.refresh_token)).status, 200);
});

test('of two refreshes at once, one succeeds and the other is reuse', async () => {
  const { json } = await app.signIn();
  const replies = await Promise.all([app.refresh(json.refresh_token), app.refresh(json.refresh_token)]);
  assert.equal(replies.map(({ status }) => status).sort(), [200, 400]);
});

test('a refresh token of one client does not work for another', async () => {
  const { json } = await app.signIn();
  const stranger = await new App(authority, authority.otherClientId).refresh(json.refresh_token);
  assert.is(stranger.json.error, 'invalid_grant');
  assert.is((await app.refresh(json.refresh_token)).status, 200, 'it still works for its own client');
});

test('with a grace period a rotated token is accepted until the period is over', async () => {
  await using lenient = await startAuthority({ reuseGrace: 800 });
  const client = new App(lenient);
  const { json } = await client.signIn();
  const before = Date.now();
  assert.is((await client.refresh(json.refresh_token)).status, 200);
  // The period has begun at some time between these two.
  const after = Date.now();
  const repeated = await client.refresh(json.refresh_token);
  if (Date.now() - before < 800) assert.is(repeated.status, 200);
  await delay(after + 800 + 50 - Date.now());
  assert.is((await client.refresh(json.refresh_token)).json.error, 'invalid_grant');
});

test('without rotation a refresh token stays the same', async () => {
  await using steady = await startAuthority({ rotateRefreshTokens: false });
  const client = new App(steady);
  const { json } = await client.signIn();
  for (let round = 0; round < 2; round += 1) {
    assert.is((await client.refresh(json.refresh_token)).json.refresh_token, json.refresh_token);
  }
});

test.run();
