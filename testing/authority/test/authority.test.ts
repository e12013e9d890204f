import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Authority, ScriptedBrowser, signInAs, startAuthority } from '../src/index.ts';

// The behaviour that the tests of the packages rely on: without it, they would pass although a package is wrong.

const authority = await startAuthority({ accessTokenTtl: 120 });
test.after(() => authority.close());

interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at every answer.
  readonly json: any;
}

const code_verifier = 'v'.repeat(43);
const redirect_uri = 'http://localhost:1/';

/** Posts a form to the token endpoint, without a library, which could hide a mistake of the authority. */
async function post(form: Record<string, string>, at: Authority = authority, path = '/consumers'): Promise<Reply> {
  const body = new URLSearchParams({ client_id: at.clientId, ...form });
  const response = await fetch(`${at.origin}${path}/oauth2/v2.0/token`, { method: 'POST', body });
  return { status: response.status, json: await response.json() };
}

/** Signs in, and returns the form that redeems the code. The browser may already have a session. */
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

/** A browser that cannot reach the app, so its final address contains the answer. */
const browserAt = (origin: string): ScriptedBrowser => new ScriptedBrowser({ reaches: origin });

const signIn = async (scope = 'Files.Read offline_access', ...where: [Authority?, ScriptedBrowser?]): Promise<Reply> =>
  post(await codeFor(scope, ...where), where[0]);

const refresh = (refresh_token: string, more: Record<string, string> = {}, at?: Authority): Promise<Reply> =>
  post({ grant_type: 'refresh_token', refresh_token, ...more }, at);

function expectError({ status, json }: Reply, error: string, code: number): void {
  const expected = [error === 'invalid_client' ? 401 : 400, error, [code]];
  assert.equal([status, json.error, json.error_codes], expected, json.error_description);
  assert.match(
    json.error_description,
    new RegExp(`^AADSTS${code}: .+ Trace ID: .+ Correlation ID: .+ Timestamp: .+Z$`),
  );
}

test('tokens and errors are as those of Microsoft', async () => {
  const { json } = await signIn('https://graph.microsoft.com/files.read User.Read offline_access openid');
  const { access_token, refresh_token, id_token, ...others } = json;
  const scope = 'Files.Read User.Read';
  assert.equal(others, { token_type: 'Bearer', scope, expires_in: 120, ext_expires_in: 120 });
  assert.match(access_token, /^EwB4.*[+/]/);
  assert.match(refresh_token, /^M\.C5.{380,}\$\$$/);
  assert.ok(id_token);
  for (const secret of [access_token, refresh_token, id_token]) assert.ok(authority.issuedSecrets.has(secret));
  expectError(await refresh('M.C5_nobody'), 'invalid_grant', 70000);
});

test('each mistake in a request has its number', async () => {
  const refreshes = { grant_type: 'refresh_token' };
  for (const [form, error, code] of [
    [{ ...refreshes, client_id: 'unknown' }, 'unauthorized_client', 700016],
    [{ ...refreshes, client_id: '' }, 'invalid_request', 900144],
    [refreshes, 'invalid_request', 900144],
    [{ grant_type: 'authorization_code', redirect_uri }, 'invalid_request', 900144],
    [{ grant_type: 'authorization_code', redirect_uri, code: 'M.C5_nobody' }, 'invalid_grant', 70000],
    [{ grant_type: 'password' }, 'unsupported_grant_type', 70003],
    [{ ...refreshes, refresh_token: 'x', client_secret: 's' }, 'invalid_client', 700025],
  ] as const) {
    expectError(await post(form), error, code);
  }
  expectError(await post(refreshes, authority, '/common'), 'invalid_request', 9002331);
  assert.match(await (await fetch(`${authority.origin}/common/oauth2/v2.0/authorize`)).text(), 'AADSTS9002331');
});

test('what has expired has its number, too', async () => {
  const { json } = await signIn();
  const form = await codeFor('Files.Read');
  const body = new URLSearchParams({ client_id: authority.clientId, scope: 'Files.Read' });
  const asked = await fetch(`${authority.url}/oauth2/v2.0/devicecode`, { method: 'POST', body });
  const { device_code } = (await asked.json()) as { device_code: string };
  const { now } = Date;
  Date.now = () => now() + 91 * 86_400_000;
  try {
    expectError(await refresh(json.refresh_token), 'invalid_grant', 700082);
    expectError(await post(form), 'invalid_grant', 70008);
    expectError(await post({ grant_type: 'device_code', device_code }), 'expired_token', 70020);
  } finally {
    Date.now = now;
  }
});

test('a refresh token comes only with offline_access, an ID token only with openid', async () => {
  const { json } = await signIn('User.Read');
  assert.equal([json.refresh_token, json.id_token], [undefined, undefined]);
});

test('a code works once, with its verifier, its redirect URI and its client', async () => {
  const form = await codeFor('Files.Read offline_access');
  const { otherClientId } = authority;
  for (const [wrong, error, code] of [
    [{ code_verifier: 'A'.repeat(43) }, 'invalid_grant', 501481],
    [{ code_verifier: '' }, 'invalid_grant', 501481],
    [{ redirect_uri: 'http://localhost:2/' }, 'invalid_client', 500112],
    [{ client_id: otherClientId }, 'invalid_grant', 70000],
  ] as const) {
    expectError(await post({ ...form, ...wrong }), error, code);
  }
  const { json } = await post(form);
  expectError(await post(form), 'invalid_grant', 54005);
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
  // The grace period has begun between `before` and `after`.
  const after = Date.now();
  const repeated = await refresh(json.refresh_token, {}, lenient);
  if (Date.now() - before < 800) assert.is(repeated.status, 200);
  await delay(after + 800 + 50 - Date.now());
  assert.is((await refresh(json.refresh_token, {}, lenient)).json.error, 'invalid_grant');
});

test.run();
