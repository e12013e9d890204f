import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { approveDevice, startAuthority } from '../src/index.ts';
import { App } from './app.ts';

// Everything expires at the same time, so these tests wait only once.
const lifetime = { accessTokenTtl: 1, refreshTokenTtl: 1, deviceCodeTtl: 1 };
const authority = await startAuthority(lifetime);
const hurried = await startAuthority({ codeTtl: 1 });
const app = new App(authority);
const code = await new App(hurried).code();
const { json: device } = await app.device({ scope: 'User.Read' });
const { json: tokens } = await app.signIn();
const issued = Date.now();
const early = await app.graph('/me', tokens.access_token);
const answeredIn = Date.now() - issued;
await delay(1050);
test.after(async () => {
  await authority.close();
  await hurried.close();
});

test('an access token works for as long as its expires_in says, and not longer', async () => {
  assert.is(tokens.expires_in, 1);
  // On a slow machine the answer may come too late for this check.
  if (answeredIn < 900) assert.is(early.status, 200);
  assert.is((await app.graph('/me', tokens.access_token)).status, 401);
});

test('a refresh token that has not been used for too long has expired, AADSTS700082', async () => {
  const { json } = await app.refresh(tokens.refresh_token);
  assert.is(json.error, 'invalid_grant');
  assert.is(json.suberror, 'bad_token');
  assert.equal(json.error_codes, [700082]);
});

test('a code that was not redeemed in time has expired, AADSTS70008', async () => {
  const { json } = await new App(hurried).token({ grant_type: 'authorization_code', ...code });
  assert.is(json.error, 'invalid_grant');
  assert.equal(json.error_codes, [70008]);
});

test('a device code that was not entered in time is expired_token, AADSTS70020, and the page says so', async () => {
  assert.is(device.expires_in, 1);
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  const { json } = await app.token({ grant_type, device_code: device.device_code });
  assert.is(json.error, 'expired_token');
  assert.equal(json.error_codes, [70020]);
  const late = await approveDevice(device.verification_uri, device.user_code).then(() => undefined, String);
  assert.match(late ?? '', 'That code has expired');
});

test.run();
