import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Authority, ScriptedBrowser, signInAs, startAuthority } from '../src/index.ts';

// What tests of the packages rely on: without it, they would pass although a package is wrong.

const authority = await startAuthority({ accessTokenTtl: 120 });
test.after(() => authority.close());

interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at every answer.
  readonly json: any;
}

const code_verifier = 'v'.repeat(43);
const redirect_uri = 'http://localhost:1/';

/** Posts a form to the token endpoint. A library could hide a mistake of the authority. */
async function post(form: Record<string, string>, { url, clientId }: Authority = authority): Promise<Reply> {
  const body = new URLSearchParams({ client_id: clientId, ...form });
  const response = await fetch(`${url}/oauth2/v2.0/token`, { method: 'POST', body });
  return { status: response.status, json: await response.json() };
}

/** The form that redeems a code. The person may have signed in before in this browser. */
async function codeFor(scope: string, { url, origin, clientId } = authority, browser = browserAt(origin)) {
  const asked = new URL(`${url}/oauth2/v2.0/authorize`);
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url');
  const pkce = { code_challenge, code_challenge_method: 'S256' };
  const request = { client_id: clientId, response_type: 'code', redirect_uri, scope, state: 's', ...pkce };
  asked.search = `${new URLSearchParams(request)}`;
  const page = await signInAs(asked.href, { browser });
  const code = new URL(page.url).searchParams.get('code') ?? '';
  return { grant_type: 'authorization_code', code, code_verifier, redirect_uri };
}

/** A browser that cannot reach the app, so that the last address has the answer. */
const browserAt = (origin: string): ScriptedBrowser => new ScriptedBrowser({ reaches: origin });

const signIn = async (scope = 'Files.Read offline_access', ...where: [Authority?, ScriptedBrowser?]): Promise<Reply> =>
  post(await codeFor(scope, ...where), where[0]);

const refresh = (refresh_token: string, more: Record<string, string> = {}, at?: Authority): Promise<Reply> =>
  post({ grant_type: 'refresh_token', refresh_token, ...more }, at);

test('tokens and errors are as those of Microsoft', async () => {
  const { json } = await signIn('https://graph.microsoft.com/files.read User.Read offline_access openid');
  const { access_token, refresh_token, id_token, ...others } = json;
  const scope = 'Files.Read User.Read';
  assert.equal(others, { token_type: 'Bearer', scope, expires_in: 120, ext_expires_in: 120 });
  assert.match(access_token, /^EwB4.*[+/]/);
  assert.match(refresh_token, /^M\.C5.{380,}\$\$$/);
  assert.ok(id_token);
  for (const secret of [access_token, refresh_token, id_token]) assert.ok(authority.issuedSecrets.has(secret));
  const { status, json: error } = await refresh('M.C5_nobody');
  assert.equal([status, error.error, error.error_codes], [400, 'invalid_grant', [70000]]);
  assert.match(error.error_description, /^AADSTS70000: .+ Trace ID: .+ Correlation ID: .+ Timestamp: .+Z$/);
});

test('a refresh token comes only with offline_access, an ID token only with openid', async () => {
  const { json } = await signIn('User.Read');
  assert.equal([json.refresh_token, json.id_token], [undefined, undefined]);
});

test('a code works once, with its verifier, its redirect URI and its client', async () => {
  const form = await codeFor('Files.Read offline_access');
  const { otherClientId } = authority;
  for (const wrong of [
    { code_verifier: 'A'.repeat(43) },
    { code_verifier: '' },
    { redirect_uri: 'http://localhost:2/' },
    { client_id: otherClientId },
  ]) {
    assert.is((await post({ ...form, ...wrong })).json.error, 'invalid_grant', JSON.stringify(wrong));
  }
  const { json } = await post(form);
  assert.is((await post(form)).json.error, 'invalid_grant');
  assert.is((await refresh(json.refresh_token)).json.error, 'invalid_grant', 'its tokens are revoked');
});

test('a refresh token used twice, also at once, revokes its grant with the newest tokens, and no other one in the same browser', async () => {
  const browser = browserAt(authority.origin);
  const scope = 'User.Read offline_access';
  const other = await signIn(scope, authority, browser);
  const { json: first } = await signIn(scope, authority, browser);
  const replies = await Promise.all([refresh(first.refresh_token), refresh(first.refresh_token)]);
  assert.equal(replies.map(({ status }) => status).sort(), [200, 400]);
  const newest = replies.find(({ status }) => status === 200)?.json;
  assert.is((await refresh(newest.refresh_token)).json.error, 'invalid_grant');
  const headers = { authorization: `Bearer ${newest.access_token}` };
  assert.is((await fetch(`${authority.graphUrl}/me`, { headers })).status, 401);
  assert.is((await refresh(other.json.refresh_token)).status, 200);
});

test('a refresh may ask for fewer scopes, not for more, and not as another client, which uses up nothing', async () => {
  const { json } = await signIn('Files.Read User.Read offline_access');
  const more = await refresh(json.refresh_token, { scope: 'Files.Read Mail.Read' });
  assert.equal([more.json.error, more.json.suberror], ['invalid_grant', 'consent_required']);
  assert.is((await refresh(json.refresh_token, { client_id: authority.otherClientId })).json.error, 'invalid_grant');
  const fewer = await refresh(json.refresh_token, {
    scope: 'https://graph.microsoft.com/User.Read offline_access openid',
  });
  assert.is(fewer.json.scope, 'https://graph.microsoft.com/User.Read');
  assert.is((await refresh(fewer.json.refresh_token)).json.scope, 'Files.Read User.Read');
});

test('with a grace period a rotated token is accepted until the period is over', async () => {
  await using lenient = await startAuthority({ reuseGrace: 800 });
  const { json } = await signIn('Files.Read offline_access', lenient);
  const before = Date.now();
  await refresh(json.refresh_token, {}, lenient);
  // The period has begun at some time between these two.
  const after = Date.now();
  const repeated = await refresh(json.refresh_token, {}, lenient);
  if (Date.now() - before < 800) assert.is(repeated.status, 200);
  await delay(after + 800 + 50 - Date.now());
  assert.is((await refresh(json.refresh_token, {}, lenient)).json.error, 'invalid_grant');
});

test.run();
