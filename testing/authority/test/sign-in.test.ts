import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { accountPassword, ScriptedBrowser, signInAs, startAuthority } from '../src/index.ts';
import { App } from './app.ts';
import { openLoopback } from './loopback.ts';

const authority = await startAuthority();
const app = new App(authority);
test.after(() => authority.close());

test('a wrong password is refused on the page, and nothing reaches the app', async () => {
  await using loopback = await openLoopback();
  const { url } = app.authorizationUrl(loopback.redirectUri);
  const error = await signInAs(url, { password: 'wrong' }).then(() => undefined, String);
  assert.match(error ?? '', 'Your account or password is incorrect.');
});

test('a text that is not an e-mail address has no account', async () => {
  const { url } = app.authorizationUrl('http://localhost:1');
  const error = await signInAs(url, { username: 'nobody' }).then(() => undefined, String);
  assert.match(error ?? '', "That account doesn't exist");
});

test('the sign-in and consent pages are forms with labels and without script; they name the app and its permissions', async () => {
  const browser = new ScriptedBrowser();
  const { url } = app.authorizationUrl('http://localhost:1', { login_hint: 'ada@example.com' });
  const login = await browser.open(url);
  assert.match(login.html, '<html lang="en">');
  assert.match(login.html, /<label for="username">.*\n<input id="username" [^>]*value="ada@example\.com"/);
  assert.match(login.html, /<label for="password">/);
  assert.not.match(login.html, '<script');
  const fields = new URLSearchParams({ username: 'ada@example.com', password: accountPassword, answer: 'accept' });
  const consent = await browser.open(login.url, { fields, from: login.url });
  assert.match(consent.html, 'Files on my machine');
  assert.match(consent.html, 'Have full access to all files you have access to');
  assert.match(consent.html, 'Maintain access to data you have given it access to');
  assert.match(consent.html, 'ada@example.com');
  assert.not.match(consent.html, '<script');
});

test('a hostile login_hint stays text', async () => {
  const { url } = app.authorizationUrl('http://localhost:1', { login_hint: '"><script>alert(1)</script>' });
  const page = await new ScriptedBrowser().open(url);
  assert.not.match(page.html, '<script');
});

test('a browser with a session goes straight to consent; prompt=login asks for the password again', async () => {
  const browser = new ScriptedBrowser();
  await using loopback = await openLoopback();
  await signInAs(app.authorizationUrl(loopback.redirectUri).url, { browser });
  const again = await browser.open(app.authorizationUrl(loopback.redirectUri).url);
  assert.match(again.html, 'Let this app access your info?');
  const agreed = await browser.open(again.url, { fields: new URLSearchParams({ answer: 'accept' }), from: again.url });
  assert.is(new URL(agreed.url).host, new URL(loopback.redirectUri).host, 'one consent is enough');
  const asked = await browser.open(app.authorizationUrl(loopback.redirectUri, { prompt: 'login' }).url);
  assert.match(asked.html, '<label for="password">');
});

test('prompt=select_account offers the known account, and another account can be used', async () => {
  const browser = new ScriptedBrowser();
  await using first = await openLoopback();
  await signInAs(app.authorizationUrl(first.redirectUri).url, { browser, username: 'ada@example.com' });

  await using second = await openLoopback();
  const select = { prompt: 'select_account', scope: 'openid profile' };
  const known = app.authorizationUrl(second.redirectUri, select);
  const picker = await browser.open(known.url);
  assert.match(picker.html, '>ada@example.com</button>');
  const other = await browser.open(picker.url, { fields: new URLSearchParams({ account: 'other' }), from: picker.url });
  assert.match(other.html, '<label for="password">');

  await signInAs(known.url, { browser });
  const { params } = await second.answer();
  const redeemed = await redeem(params, known.verifier, second.redirectUri);
  assert.is(claimsOf(redeemed.json.id_token).preferred_username, 'ada@example.com');

  await using third = await openLoopback();
  const changed = app.authorizationUrl(third.redirectUri, { ...select, prompt: 'login' });
  await signInAs(changed.url, { browser, username: 'grace@example.com' });
  const { json } = await redeem((await third.answer()).params, changed.verifier, third.redirectUri);
  assert.is(claimsOf(json.id_token).preferred_username, 'grace@example.com');
});

test('prompt=none shows no page: without a session the answer is AADSTS50058', async () => {
  await using loopback = await openLoopback();
  await new ScriptedBrowser().open(app.authorizationUrl(loopback.redirectUri, { prompt: 'none' }).url);
  const { params } = await loopback.answer();
  assert.is(params.get('error'), 'login_required');
  assert.match(params.get('error_description') ?? '', /^AADSTS50058: /);
});

test('prompt=none with a session but without consent: interaction_required, AADSTS65001', async () => {
  const browser = new ScriptedBrowser();
  await app.code({}, { browser });
  await using loopback = await openLoopback();
  await browser.open(app.authorizationUrl(loopback.redirectUri, { prompt: 'none' }).url);
  const { params } = await loopback.answer();
  assert.is(params.get('error'), 'interaction_required');
  assert.match(params.get('error_description') ?? '', /^AADSTS65001: /);
});

test('a page says so if its sign-in is over', async () => {
  const page = await new ScriptedBrowser().open(`${authority.url}/signin/nobody`);
  assert.is(page.status, 400);
  assert.match(page.html, 'This sign-in is over');
});

test('an unknown client and an unknown redirect URI get an error page, never a redirect', async () => {
  const foreign = await signInAs(app.authorizationUrl('http://localhost:1/elsewhere').url);
  assert.is(foreign.status, 400);
  assert.match(foreign.html, 'AADSTS50011');
  assert.match(foreign.html, 'http://localhost:1/elsewhere');
  const unknown = await signInAs(app.authorizationUrl('http://localhost:1', { client_id: 'unknown-app' }).url);
  assert.match(unknown.html, 'AADSTS700016');
});

test('the redirect URI localhost matches with any port, with and without the slash; 127.0.0.1 does not match', async () => {
  for (const [redirectUri, status] of [
    ['http://localhost', 200],
    ['http://localhost:12345', 200],
    ['http://localhost:12345/', 200],
    ['http://127.0.0.1:12345', 400],
    ['https://localhost:12345', 400],
  ] as const) {
    const page = await new ScriptedBrowser().open(app.authorizationUrl(redirectUri).url);
    assert.is(page.status, status, redirectUri);
  }
});

test('other redirect URIs can be registered: one on loopback matches with any port, the others exactly', async () => {
  const redirectUris = ['http://127.0.0.1/callback', 'http://[::1]', 'https://app.example/done'];
  await using other = await startAuthority({ redirectUris });
  const client = new App(other);
  for (const [redirectUri, status] of [
    ['http://127.0.0.1:12345/callback', 200],
    ['http://127.0.0.1:12345/', 400],
    ['http://[::1]:12345', 200],
    ['https://app.example/done', 200],
    ['https://app.example:444/done', 400],
    ['http://localhost:12345', 400],
  ] as const) {
    const page = await new ScriptedBrowser().open(client.authorizationUrl(redirectUri).url);
    assert.is(page.status, status, redirectUri);
  }
});

test('PKCE is required, except for the client without PKCE', async () => {
  const without = { code_challenge: undefined, code_challenge_method: undefined };
  await using loopback = await openLoopback();
  await signInAs(app.authorizationUrl(loopback.redirectUri, without).url);
  const { params } = await loopback.answer();
  assert.is(params.get('error'), 'invalid_request');
  assert.match(params.get('error_description') ?? '', /^AADSTS9002325: /);

  const old = new App(authority, authority.clientIdWithoutPkce);
  const { code, redirect_uri } = await old.code(without);
  const { status } = await old.token({ grant_type: 'authorization_code', code, redirect_uri });
  assert.is(status, 200);
});

test('a wrong or missing scope and a wrong response_type go back to the app as an error', async () => {
  for (const [extra, code] of [
    [{ scope: undefined }, 'AADSTS900144'],
    [{ scope: 'a"b' }, 'AADSTS70011'],
    [{ response_type: 'token' }, 'AADSTS70007'],
    [{ response_type: 'ticket' }, 'AADSTS700054'],
  ] as const) {
    await using loopback = await openLoopback();
    await signInAs(app.authorizationUrl(loopback.redirectUri, extra).url);
    const { params } = await loopback.answer();
    assert.match(params.get('error_description') ?? '', new RegExp(`^${code}: `));
    assert.is(params.get('state'), 'the-state');
  }
});

test('/common and other tenants are refused with AADSTS9002331, which names /consumers', async () => {
  const url = app.authorizationUrl('http://localhost:1').url.replace('/consumers/', '/common/');
  assert.match((await signInAs(url)).html, 'AADSTS9002331');
  const response = await fetch(`${authority.origin}/common/oauth2/v2.0/token`, { method: 'POST' });
  assert.is(response.status, 400);
  assert.match(await response.text(), '"error_codes":[9002331]');
});

test('a port that is taken is an error', async () => {
  const port = Number(new URL(authority.origin).port);
  const error = await startAuthority({ port }).then(
    () => undefined,
    (reason) => reason.code,
  );
  assert.is(error, 'EADDRINUSE');
});

function redeem(params: URLSearchParams, code_verifier: string, redirect_uri: string) {
  return app.token({ grant_type: 'authorization_code', code: params.get('code') ?? '', code_verifier, redirect_uri });
}

function claimsOf(idToken: string): Record<string, string> {
  return JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString());
}

test.run();
