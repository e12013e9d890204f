import { createPublicKey, verify } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startAuthority } from '../src/index.ts';
import { App, type Reply } from './app.ts';

const authority = await startAuthority({ accessTokenTtl: 120 });
const app = new App(authority);
test.after(() => authority.close());

test('a token response has the members of Microsoft, in the same order', async () => {
  const { status, headers, json } = await app.signIn({ scope: 'Files.Read User.Read offline_access openid profile' });
  assert.is(status, 200);
  assert.equal(Object.keys(json), [
    'token_type',
    'scope',
    'expires_in',
    'ext_expires_in',
    'access_token',
    'id_token',
    'refresh_token',
  ]);
  assert.is(json.token_type, 'Bearer');
  assert.is(json.scope, 'Files.Read User.Read');
  assert.is(json.expires_in, 120);
  assert.is(json.ext_expires_in, 120);
  assert.is(headers.get('cache-control'), 'no-store');
  assert.is(headers.get('content-type'), 'application/json; charset=utf-8');
});

test('tokens are as long as those of personal accounts and have characters that a form must encode', async () => {
  const { json } = await app.signIn();
  assert.match(json.access_token, /^EwB4.{1000,}$/);
  assert.match(json.access_token, /[+/]/);
  assert.match(json.refresh_token, /^M\.C5.{380,}\$\$$/);
});

test('a refresh token comes only with offline_access, an ID token only with openid', async () => {
  const { json } = await app.signIn({ scope: 'User.Read' });
  assert.equal(Object.keys(json), ['token_type', 'scope', 'expires_in', 'ext_expires_in', 'access_token']);
});

test('the ID token is signed by a published key, and has the claims of personal accounts', async () => {
  const { json } = await app.signIn(
    { scope: 'openid profile email', nonce: 'the-nonce' },
    { username: 'ada.lovelace@example.com' },
  );
  const [header = '', payload = '', signature = ''] = json.id_token.split('.');
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const keys = await app.graph(`${authority.url}/discovery/v2.0/keys`);
  const jwk = keys.json.keys.find((key: { kid: string }) => key.kid === kid);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  assert.ok(verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')));

  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  assert.is(claims.iss, authority.issuer);
  assert.is(claims.aud, authority.clientId);
  assert.is(claims.nonce, 'the-nonce');
  assert.is(claims.ver, '2.0');
  assert.is(claims.tid, '9188040d-6c67-4c5b-b112-36a304b66dad');
  assert.is(claims.name, 'Ada Lovelace');
  assert.is(claims.preferred_username, 'ada.lovelace@example.com');
  assert.is(claims.email, 'ada.lovelace@example.com');
  assert.match(claims.oid, /^00000000-0000-0000-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.match(claims.sub, /^AAAAAAAAAAAAAAAAAAAAA[\w-]{22}$/);
});

test('scopes may have the prefix of Graph, any case and any name, and the response names them as the request did', async () => {
  const { code, ...rest } = await app.code({
    scope: 'https://graph.microsoft.com/Files.ReadWrite.All user.read Some.Thing offline_access',
  });
  const scope = 'https://graph.microsoft.com/files.readwrite.all User.Read some.thing';
  const { status, json } = await app.token({ grant_type: 'authorization_code', code, ...rest, scope });
  assert.is(status, 200);
  assert.is(json.scope, 'https://graph.microsoft.com/Files.ReadWrite.All User.Read Some.Thing');
});

test('a request with client_info=1 gets client_info, as MSAL needs it', async () => {
  const { code, ...rest } = await app.code();
  const { json } = await app.token({ grant_type: 'authorization_code', code, ...rest, client_info: '1' });
  const info = JSON.parse(Buffer.from(json.client_info, 'base64url').toString());
  assert.is(info.utid, '9188040d-6c67-4c5b-b112-36a304b66dad');
  assert.match(info.uid, /^00000000-0000-0000-/);
});

test('an error has all members of Microsoft, and the correlation id is the client-request-id of the request', async () => {
  const correlationId = '3a5f2d6e-0c1b-4e7f-9a8d-1b2c3d4e5f60';
  const { status, headers, json } = await app.token(
    { grant_type: 'refresh_token', refresh_token: 'M.C5_nobody' },
    { 'client-request-id': correlationId },
  );
  assert.is(status, 400);
  assert.is(headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(Object.keys(json), [
    'error',
    'error_description',
    'error_codes',
    'timestamp',
    'trace_id',
    'correlation_id',
    'error_uri',
  ]);
  assert.match(json.error_description, /^AADSTS70000: .+ Trace ID: .+ Correlation ID: .+ Timestamp: .+Z$/);
  assert.match(json.timestamp, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  assert.is(json.correlation_id, correlationId);
  assert.is(json.error_uri, 'https://login.microsoftonline.com/error?code=70000');
});

test('a code redeemed twice is AADSTS54005, and the tokens of the first time are revoked', async () => {
  const { code, ...rest } = await app.code();
  const first = await app.token({ grant_type: 'authorization_code', code, ...rest });
  expectError(await app.token({ grant_type: 'authorization_code', code, ...rest }), 'invalid_grant', 54005);
  expectError(await app.refresh(first.json.refresh_token), 'invalid_grant', 70000);
});

test('a code works only with its verifier, its redirect URI and its client', async () => {
  const { code, code_verifier, redirect_uri } = await app.code();
  const form = { grant_type: 'authorization_code', code, code_verifier, redirect_uri };
  expectError(await app.token({ ...form, code_verifier: 'A'.repeat(43) }), 'invalid_grant', 501481);
  expectError(await app.token({ ...form, code_verifier: 'short' }), 'invalid_grant', 501481);
  expectError(await app.token({ ...form, code_verifier: '' }), 'invalid_grant', 501481);
  expectError(await app.token({ ...form, redirect_uri: 'http://localhost:1' }), 'invalid_client', 500112);
  expectError(await new App(authority, authority.otherClientId).token(form), 'invalid_grant', 70000);
  assert.is((await app.token(form)).status, 200, 'the code is not used up by the wrong attempts');
});

test('each mistake in a request has its number', async () => {
  for (const [form, error, code] of [
    [{ client_id: 'unknown', grant_type: 'refresh_token' }, 'unauthorized_client', 700016],
    [{ grant_type: 'password' }, 'unsupported_grant_type', 70003],
    [{ grant_type: '' }, 'invalid_request', 900144],
    [{ grant_type: 'refresh_token' }, 'invalid_request', 900144],
    [{ client_id: '', grant_type: 'refresh_token' }, 'invalid_request', 900144],
    [{ grant_type: 'authorization_code', redirect_uri: 'http://localhost' }, 'invalid_request', 900144],
    [
      { grant_type: 'authorization_code', code: 'M.C5_nobody', redirect_uri: 'http://localhost' },
      'invalid_grant',
      70000,
    ],
    [{ grant_type: 'refresh_token', refresh_token: 'x', client_secret: 's' }, 'invalid_client', 700025],
  ] as const) {
    expectError(await app.token(form), error, code, JSON.stringify(form));
  }
  assert.match((await app.token({ grant_type: 'refresh_token' })).json.error_description, "'refresh_token'");
  const asJson = await app.token({ grant_type: 'refresh_token' }, { 'content-type': 'application/json' });
  expectError(asJson, 'invalid_request', 90014);
});

test('a form of more than 64 KiB is 413', async () => {
  assert.is((await app.token({ grant_type: 'refresh_token', refresh_token: 'x'.repeat(70_000) })).status, 413);
});

test('the lifetime of access tokens can be changed at any time, to whole seconds', async () => {
  authority.accessTokenTtl = 7;
  assert.is((await app.signIn()).json.expires_in, 7);
  for (const wrong of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => {
      authority.accessTokenTtl = wrong;
    }, /accessTokenTtl must be a whole number/);
  }
  assert.is(authority.accessTokenTtl, 7);
});

function expectError({ status, json }: Reply, error: string, code: number, message = ''): void {
  assert.is(json.error, error, `${message} ${JSON.stringify(json)}`);
  assert.equal(json.error_codes, [code], message);
  assert.match(json.error_description, new RegExp(`^AADSTS${code}: `), message);
  assert.is(status, error === 'invalid_client' ? 401 : 400, message);
}

test.run();
