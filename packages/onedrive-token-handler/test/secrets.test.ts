import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { signInAs } from 'testing-authority';
import { Agent, type Dispatcher } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

/** What the handler sent that is secret, taken from the requests themselves. */
function listen(sent: Set<string>): Dispatcher {
  return new Agent().compose((dispatch) => (options, handler) => {
    const form = new URLSearchParams(String(options.body ?? ''));
    for (const name of ['code', 'code_verifier', 'refresh_token', 'device_code']) {
      for (const value of form.getAll(name)) sent.add(value);
    }
    return dispatch(options, handler);
  });
}

function assertNoneIn(text: string, secrets: Iterable<string>): void {
  for (const secret of secrets)
    assert.not.ok(text.includes(secret), `${secret.slice(0, 8)}… is in: ${text.slice(0, 2000)}`);
}

test('no token, code, verifier or state of a run is in an event, an error with its causes and stacks, or another file', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  const secrets = new Set<string>();
  const dispatcher = listen(secrets);
  const emitted: unknown[] = [];
  const handler = scene.handler({ dispatcher, scopes: ['Files.Read', 'openid', 'profile'] });
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => emitted.push(error));
  };

  await attempt(() => handler.getToken());
  await attempt(() => handler.getToken({ forceRefresh: true }));
  for (const fault of [
    { type: 'drop', when: 'after' },
    { type: 'status', status: 200, body: 'not JSON' },
    { type: 'oauth', error: 'invalid_grant', description: 'AADSTS70000: refused' },
    { type: 'response', change: (body: Record<string, unknown>) => ({ ...body, expires_in: -1 }) },
    // A proxy that cuts the body off in the middle of a token.
    { type: 'response', change: (body: Record<string, unknown>) => JSON.stringify(body).slice(0, -40) },
  ] as const) {
    scene.authority.fail('token', fault);
    await attempt(() => handler.getToken({ forceRefresh: true, interactive: false }));
  }
  scene.authority.fail('token', { type: 'oauth', error: 'invalid_grant' });
  await attempt(() => handler.signIn());
  await attempt(() =>
    handler.signIn({ method: 'paste', readRedirectUrl: async () => 'http://localhost/?code=a&state=b' }),
  );
  await attempt(() => scene.handler({ dispatcher, openBrowser: (url) => signInAs(url, { deny: true }) }).signIn());
  scene.authority.fail('token', { type: 'drop', when: 'before' });
  const abort = AbortSignal.timeout(2_500);
  await attempt(() => handler.signIn({ method: 'device', onDeviceCode: () => {}, signal: abort }));
  await handler.close();
  await dispatcher.close();

  for (const secret of scene.authority.issuedSecrets) secrets.add(secret);
  for (const url of scene.windows) secrets.add(new URL(url).searchParams.get('state') as string);
  assert.ok(secrets.size > 10);
  assert.ok(emitted.length > 7);
  const events = scene.events.filter(({ type }) => type !== 'authorization-url');
  assertNoneIn(inspect([emitted, events], { depth: 20, showHidden: true, maxStringLength: null }), secrets);
  for (const file of readdirSync(scene.folder).filter((name) => name !== 'tokens.db')) {
    assertNoneIn(readFileSync(join(scene.folder, file), 'latin1'), secrets);
  }
});

test('NODE_DEBUG prints what happens, without secrets', async () => {
  await using scene = await openScene();
  const { authority, dbFilepath } = scene;
  const options = {
    appName: 'my-app',
    clientId: authority.clientId,
    scopes: ['Files.Read'],
    authority: authority.url,
    dbFilepath,
  };
  const script = fileURLToPath(new URL('./get-token-process.ts', import.meta.url));
  const env = { NODE_DEBUG: 'onedrive-token-handler' };
  const first = await scene.run([script, JSON.stringify(options), '2'], env);
  await scene.tokenExpires();
  const second = await scene.run([script, JSON.stringify(options)], env);
  assert.match(first.stderr, 'sign-in-started');
  assert.match(first.stderr, '?[redacted]');
  assert.match(second.stderr, 'refreshed');
  assertNoneIn(first.stderr + second.stderr, authority.issuedSecrets);
  assert.not.match(first.stderr, 'state=');
});

test.run();
