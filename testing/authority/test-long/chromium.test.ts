// Takes about 12 s.
import type { Browser, Page } from 'playwright-core';
import { chromiumPath, launchChromium } from 'testing-browsers/chromium';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { accountPassword, startAuthority } from '../src/index.ts';
import { App } from '../test/app.ts';
import { openLoopback } from '../test/loopback.ts';

if (!chromiumPath)
  console.log('skipped: the sign-in in a real browser needs chromium on PATH (Debian: apt install chromium)');
const inBrowser = chromiumPath ? test : test.skip;
const authority = await startAuthority({ deviceInterval: 0 });
const app = new App(authority);
let browser: Browser;
test.before(async () => {
  if (chromiumPath) browser = await launchChromium();
});
test.after(async () => {
  await browser?.close();
  await authority.close();
});

inBrowser('a user signs in and consents in Chromium, and the answer is posted to the app', async () => {
  await using loopback = await openLoopback();
  const page = await newPage();
  const { url, verifier } = app.authorizationUrl(loopback.redirectUri, { response_mode: 'form_post' });
  await page.goto(url);
  await logIn(page, 'ada@example.com');
  await page.getByText('Files on my machine needs your permission').waitFor();
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByText('You can close this window.').waitFor();
  const { method, params, headers } = await loopback.answer();
  assert.is(method, 'POST');
  assert.is(headers.origin, 'null');
  const form = { code: params.get('code') ?? '', code_verifier: verifier, redirect_uri: loopback.redirectUri };
  const { json } = await app.token({ grant_type: 'authorization_code', ...form });
  assert.is((await app.graph('/me', json.access_token)).json.userPrincipalName, 'ada@example.com');
});

inBrowser('without script the form_post page has a button', async () => {
  await using loopback = await openLoopback();
  const page = await newPage({ javaScriptEnabled: false });
  await page.goto(app.authorizationUrl(loopback.redirectUri, { response_mode: 'form_post' }).url);
  await logIn(page, 'ada@example.com');
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByRole('button', { name: 'Submit' }).click();
  assert.is((await loopback.answer()).method, 'POST');
});

inBrowser(
  'the page reports a wrong password, which can be corrected; Cancel sends the user back to the app',
  async () => {
    await using loopback = await openLoopback();
    const page = await newPage();
    await page.goto(app.authorizationUrl(loopback.redirectUri).url);
    await logIn(page, 'ada@example.com', 'wrong');
    await page.getByRole('alert').filter({ hasText: 'Your account or password is incorrect.' }).waitFor();
    assert.is(await page.getByLabel('Email address').inputValue(), 'ada@example.com');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('You can close this window.').waitFor();
    assert.is((await loopback.answer()).params.get('error'), 'access_denied');
  },
);

inBrowser('a user can change to another account', async () => {
  const page = await newPage();
  await using first = await openLoopback();
  await page.goto(app.authorizationUrl(first.redirectUri).url);
  await logIn(page, 'ada@example.com');
  await page.getByRole('button', { name: 'Accept' }).click();
  await first.answer();

  await using second = await openLoopback();
  await page.goto(app.authorizationUrl(second.redirectUri, { prompt: 'select_account' }).url);
  await page.getByRole('button', { name: 'Use another account' }).click();
  await logIn(page, 'grace@example.com');
  await page.getByText('Signed in as grace@example.com').waitFor();
  await page.getByRole('button', { name: 'Accept' }).click();
  assert.ok((await second.answer()).params.get('code'));
});

inBrowser('a user enters the code of a device', async () => {
  const { json } = await app.device({ scope: 'Files.Read' });
  const page = await newPage();
  await page.goto(json.verification_uri);
  await page.getByLabel('Enter the code displayed on your app or device').fill(json.user_code);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await logIn(page, 'ada@example.com');
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByText('You have signed in on your device.').waitFor();
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: json.device_code };
  assert.is((await app.token(form)).status, 200);
});

async function newPage(options = {}): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(20_000);
  return context.newPage();
}

async function logIn(page: Page, username: string, password = accountPassword): Promise<void> {
  await page.getByLabel('Email address').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test.run();
