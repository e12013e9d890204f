import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { failure, openScene, rejection } from './scene.ts';

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test('the first call signs in through the browser and gets a token that Graph accepts', async () => {
  await using scene = await openScene();
  const token = await scene.handler().getToken();
  const response = await fetch(`${scene.authority.graphUrl}/me/drive`, bearer(token));
  assert.is(response.status, 200);
  assert.is(scene.windows.length, 1);
});

test('the second call gets the token from memory', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  const token = await handler.getToken();
  const requests = scene.authority.requests.length;
  assert.is(await handler.getToken(), token);
  assert.is(await handler.getAccessToken(), token);
  assert.is(scene.authority.requests.length, requests);
});

test('a token that expires within expirySkew is refreshed, and the refresh token rotates', async () => {
  await using scene = await openScene();
  const first = await scene.handler().getToken();
  scene.change({ obtainedAt: Date.now() - 3_500_000, expiresAt: Date.now() + 100_000 });
  const second = await scene.handler({ interactive: false }).getToken();
  assert.is.not(second, first);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
  assert.ok(scene.events.some((event) => event.type === 'refreshed' && event.rotated));
  assert.is(scene.windows.length, 1);
});

test('without a sign-in and with interactive: false in the call, no browser opens: SIGN_IN_REQUIRED', async () => {
  await using scene = await openScene();
  const error = await rejection(scene.handler().getToken({ interactive: false }));
  assert.equal([error.code, error.retryable], ['SIGN_IN_REQUIRED', false]);
  assert.is(scene.windows.length, 0);
});

test('a revoked grant opens the browser, or is SIGN_IN_REQUIRED if no browser may open', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
  await scene.authority.revokeAll();
  const error = await rejection(scene.handler({ interactive: false }).getToken());
  assert.is(error.code, 'SIGN_IN_REQUIRED');
  assert.is(error.error, 'invalid_grant');
  assert.ok((error.errorCodes?.length ?? 0) > 0);
  assert.ok(error.traceId && error.correlationId);
  assert.ok(
    await scene
      .handler()
      .status()
      .then(({ signedIn }) => signedIn),
    'the record is kept until a new sign-in',
  );
  const requests = scene.authority.count('token', 'refresh_token');
  const again = await rejection(scene.handler({ interactive: false }).getToken());
  assert.equal([again.code, again.reason], ['SIGN_IN_REQUIRED', 'refused']);
  assert.match(`${again.errorDescription}`, /^invalid_grant AADSTS\d+$/);
  assert.is(scene.authority.count('token', 'refresh_token'), requests, 'the answer is known');
  await scene.handler().getToken();
  assert.is(scene.windows.length, 2);
});

for (const [what, change] of [
  ['an ID token that is no text', (body) => ({ ...body, id_token: [64_753] })],
  ['a byte order mark before the answer', (body) => `\ufeff${JSON.stringify(body)}`],
] as [string, (body: object) => unknown][]) {
  test(`${what} costs no refresh token`, async () => {
    await using scene = await openScene();
    await scene.signedInBefore();
    scene.authority.fail('token', { type: 'response', change });
    const handler = scene.handler({ interactive: false });
    await handler.getToken();
    assert.is(scene.authority.count('token', 'refresh_token'), 1);
    assert.ok(scene.events.some(({ type }) => type === 'refreshed'));
  });
}

test('a record of the Python class, which has only a refresh token, is refreshed without a sign-in', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  using store = openTokenStore(scene.dbFilepath);
  const { refreshToken } = store.get('my-app') as { refreshToken: string };
  store.set('my-app', { refreshToken });
  await scene.handler({ interactive: false }).getToken();
  assert.is(scene.windows.length, 1);
  assert.is(store.get('my-app')?.clientId, scene.authority.clientId);
});

test('the credential for the Azure SDKs says when the token expires', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  const { token, expiresOnTimestamp } = await handler
    .asTokenCredential()
    .getToken('https://graph.microsoft.com/.default');
  assert.is(token, await handler.getToken());
  assert.ok(Math.abs(expiresOnTimestamp - Date.now() - 3_600_000) < 60_000);
});

test('the credential refreshes if the Azure SDKs pass claims, as they do after a 401', async () => {
  await using scene = await openScene();
  const credential = scene.handler().asTokenCredential();
  const { token } = await credential.getToken('x');
  assert.is.not((await credential.getToken('x', { claims: '{}' })).token, token);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test('the credential lets go of a call whose signal aborts', async () => {
  await using scene = await openScene();
  const credential = scene.handler().asTokenCredential();
  const reason = new Error('enough');
  assert.is(await failure(credential.getToken('x', { abortSignal: AbortSignal.abort(reason) })), reason);
});

test('the credential takes a signal of @azure/abort-controller, which has no reason and no newer methods', async () => {
  await using scene = await openScene();
  const credential = scene.handler().asTokenCredential();
  for (const aborted of [true, false]) {
    const listeners = new Set<() => void>();
    const addEventListener = (_: 'abort', listener: () => void): unknown => listeners.add(listener);
    const removeEventListener = (_: 'abort', listener: () => void): unknown => listeners.delete(listener);
    const abortSignal = { aborted, addEventListener, removeEventListener } as unknown as AbortSignal;
    const call = failure(credential.getToken('x', { abortSignal }));
    for (const abort of listeners) abort();
    assert.is((await call).name, 'AbortError');
    assert.is(listeners.size, 0);
  }
});

test.run();
