import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { approveDevice, startAuthority } from '../src/index.ts';
import { App } from './app.ts';

const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
const authority = await startAuthority({ deviceInterval: 0 });
const app = new App(authority);
test.after(() => authority.close());

test('a device that polls too fast gets slow_down, one that waits does not', async () => {
  await using strict = await startAuthority({ deviceInterval: 1 });
  const device = new App(strict);
  const { json } = await device.device({ scope: 'User.Read' });
  assert.is(json.interval, 1);
  const ask = () => device.token({ grant_type, device_code: json.device_code });
  await ask();
  const hasty = await ask();
  assert.is(hasty.status, 400);
  assert.is(hasty.json.error, 'slow_down');
  await delay(1000);
  assert.is((await ask()).json.error, 'authorization_pending');
});

test('an unknown code is refused: on the page, and at the token endpoint as bad_verification_code', async () => {
  const wrong = await approveDevice(`${authority.url}/oauth2/deviceauth`, 'BBBBBBBB').then(() => undefined, String);
  assert.match(wrong ?? '', "That code didn't work");
  const unknown = await poll('nobody');
  assert.is(unknown.json.error, 'bad_verification_code');
});

test('a device code works once', async () => {
  const { json } = await app.device({ scope: 'User.Read' });
  await approveDevice(json.verification_uri, json.user_code);
  assert.is((await poll(json.device_code)).status, 200);
  assert.is((await poll(json.device_code)).status, 400);
});

test('the old name of the grant, device_code, works too, as at Microsoft', async () => {
  const { json } = await app.device({ scope: 'User.Read' });
  const pending = await app.token({ grant_type: 'device_code', device_code: json.device_code });
  assert.is(pending.json.error, 'authorization_pending');
});

test('an unknown client gets no device code', async () => {
  const { status, json } = await app.device({ client_id: 'unknown', scope: 'User.Read' });
  assert.is(status, 400);
  assert.equal(json.error_codes, [700016]);
});

function poll(device_code: string) {
  return app.token({ grant_type, device_code });
}

test.run();
