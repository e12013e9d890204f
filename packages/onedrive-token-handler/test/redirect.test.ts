import { createServer } from 'node:net';
import { freePort, signInElsewhere } from 'testing-authority';
import { listen } from 'testing-authority/listen';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene, rejection } from './scene.ts';

/** A parameter of the newest authorization request. */
function parameter(windows: readonly string[], name: string): string | null {
  return new URL(windows.at(-1) ?? '').searchParams.get(name);
}

test('redirectPort and redirectHost are where the browser comes back', async () => {
  await using scene = await openScene({ redirectUris: ['http://127.0.0.1'] });
  const port = await freePort();
  await scene.handler({ redirectPort: port, redirectHost: '127.0.0.1' }).signIn();
  assert.is(parameter(scene.windows, 'redirect_uri'), `http://127.0.0.1:${port}`);
});

test('by paste, the address has that port and host too', async () => {
  await using scene = await openScene({ redirectUris: ['http://127.0.0.1'] });
  let asked = '';
  const readRedirectUrl = (url: string): Promise<string> => {
    asked = url;
    return signInElsewhere(url);
  };
  await scene.handler({ redirectPort: 8400, redirectHost: '127.0.0.1' }).signIn({ method: 'paste', readRedirectUrl });
  assert.is(new URL(asked).searchParams.get('redirect_uri'), 'http://127.0.0.1:8400');
});

test('a redirectPort that is in use ends in CONFIGURATION before a browser opens, and names the reason', async () => {
  await using scene = await openScene();
  const server = createServer();
  const port = await listen(server);
  const error = await rejection(scene.handler({ redirectPort: port }).signIn());
  server.close();
  assert.is(error.code, 'CONFIGURATION');
  assert.is(error.retryable, false);
  assert.match(error.message, new RegExp(`port ${port} of localhost: .+ the port is in use \\(EADDRINUSE\\)`));
  assert.equal(scene.windows, []);
});

test('the account of the stored sign-in is suggested at the next one, also by getToken()', async () => {
  await using scene = await openScene();
  const scopes = ['Files.Read', 'openid', 'profile'];
  const handler = scene.handler({ scopes });
  await handler.signIn({ loginHint: 'ada@example.com' });
  await handler.signIn();
  assert.is(parameter(scene.windows, 'login_hint'), 'ada@example.com');
  await scene.authority.revokeAll();
  scene.tokenExpires();
  await scene.handler({ scopes }).getToken();
  assert.is(scene.windows.length, 3);
  assert.is(parameter(scene.windows, 'login_hint'), 'ada@example.com');
  await handler.signIn({ prompt: 'select_account' });
  assert.is(parameter(scene.windows, 'login_hint'), null);
});

test.run();
