import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inspect, promisify } from 'node:util';
import { signInAs } from 'testing-authority';
import { listen } from 'testing-authority/listen';
import { openTokenStore } from 'token-store-sqlite';
import { Agent, type Dispatcher } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { failure, openScene, rejection } from './scene.ts';

/** A dispatcher that adds the secrets in each request to `sent`. */
function watch(sent: Set<string>): Dispatcher {
  return new Agent().compose((dispatch) => (options, handler) => {
    const form = new URLSearchParams(String(options.body ?? ''));
    for (const name of ['code', 'code_verifier', 'refresh_token', 'device_code']) {
      for (const value of form.getAll(name)) sent.add(value);
    }
    return dispatch(options, handler);
  });
}

function inspectAll(values: unknown[]): string {
  return inspect(values, { depth: 20, showHidden: true, maxStringLength: null });
}

function assertNoneIn(text: string, secrets: Iterable<string>): void {
  for (const secret of secrets)
    assert.not.ok(text.includes(secret), `${secret.slice(0, 8)}… is in: ${text.slice(0, 2000)}`);
}

test('no token, code, verifier or state of a run is in an event, an error with its causes and stacks, or another file', async () => {
  await using scene = await openScene({ deviceInterval: 1 });
  const secrets = new Set<string>();
  const dispatcher = watch(secrets);
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
    // The body ends in the middle of a token, as if a proxy had cut it off.
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
  assertNoneIn(inspectAll([emitted, events]), secrets);
  for (const file of readdirSync(scene.folder).filter((name) => name !== 'tokens.db')) {
    assertNoneIn(readFileSync(join(scene.folder, file), 'latin1'), secrets);
  }
});

test('tokens in a response that is not valid HTTP are in no error and no event', async () => {
  await using scene = await openScene();
  using store = openTokenStore(scene.dbFilepath);
  const body =
    '{"token_type":"Bearer","access_token":"accessSECRET","refresh_token":"refreshSECRET","expires_in":3600}';
  for (const answer of [
    `Transfer-Encoding: chunked\r\n\r\n1\r\n${body}\r\n0\r\n\r\n`,
    `Content-Length: 5\r\n\r\n${body}`,
    `Bad Header: ${body}\r\n\r\n`,
  ]) {
    await using server = await answerWith(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${answer}`);
    store.set('my-app', { refreshToken: 'storedSECRET' });
    const handler = scene.handler({ authority: server.url, interactive: false });
    const error = await rejection(handler.getToken());
    assert.ok(['NETWORK', 'RESPONSE'].includes(error.code), error.code);
    assertNoneIn(inspectAll([error, scene.events]), ['SECRET', '_token"']);
  }
});

test("if no browser can be started, the event does not have the address, although the system's message has it", async () => {
  await using scene = await openScene();
  const urls: string[] = [];
  const openBrowser = (url: string): Promise<unknown> => {
    urls.push(url);
    return promisify(execFile)(process.execPath, ['-e', 'process.exit(1)', '--', url]);
  };
  const abort = new AbortController();
  const signIn = failure(scene.handler({ openBrowser }).signIn({ signal: abort.signal }));
  await scene.until(({ type }) => type === 'browser-failed');
  abort.abort(new Error('enough'));
  await signIn;
  const failed = scene.events.filter(({ type }) => type === 'browser-failed');
  assert.match(inspectAll(failed), 'Command failed');
  const [url = ''] = urls;
  const { searchParams } = new URL(url);
  assertNoneIn(inspectAll(failed), [url, searchParams.get('state') ?? '', searchParams.get('code_challenge') ?? '']);
});

test('the message for an error in the redirect has neither the state nor control characters', async () => {
  await using scene = await openScene();
  let state = '';
  const readRedirectUrl = async (url: string): Promise<string> => {
    state = new URL(url).searchParams.get('state') ?? '';
    const answer = new URLSearchParams({
      error: 'server_error\u001b[31m',
      error_description: `no ${state} here`,
      state,
    });
    return `http://localhost/?${answer}`;
  };
  const error = await rejection(scene.handler().signIn({ method: 'paste', readRedirectUrl }));
  assert.match(error.message, 'server_error');
  assert.match(error.message, 'here');
  assertNoneIn(inspectAll([error, scene.events.filter(({ type }) => type !== 'authorization-url')]), [state]);
  assert.not.match(error.message + error.error, /\p{C}/u);
});

test('a provider that quotes what was sent to it: no code, verifier or refresh token gets into the error', async () => {
  await using scene = await openScene();
  const sent: string[] = [];
  const device = {
    device_code: 'deviceSECRET',
    user_code: 'u',
    verification_uri: 'http://x',
    expires_in: 60,
    interval: 1,
  };
  const server = createHttpServer(async ({ url }, response) => {
    const form = await text(response.req);
    if (url?.endsWith('/devicecode')) return response.end(JSON.stringify(device));
    for (const [name, value] of new URLSearchParams(form)) if (/code|_token/.test(name)) sent.push(value);
    response.writeHead(400).end(JSON.stringify({ error: 'invalid_request', error_description: form }));
  });
  const authority = `http://127.0.0.1:${await listen(server)}`;
  const store = new MemoryStore();
  store.records.set('my-app', { refreshToken: 'refreshSECRET' });
  const handler = scene.handler({ authority, store });
  const readRedirectUrl = async (url: string): Promise<string> =>
    `http://localhost/?code=codeSECRET&state=${new URL(url).searchParams.get('state')}`;
  const errors = [
    await rejection(handler.getToken({ interactive: false })),
    await rejection(handler.signIn({ method: 'paste', readRedirectUrl })),
    await rejection(handler.signIn({ method: 'device', onDeviceCode: () => {} })),
  ];
  server.close();
  assert.is(sent.length, 4);
  for (const error of errors) assert.match(error.message, 'client_id=');
  assertNoneIn(inspectAll(errors), sent);
});

/** A server that answers every request with these bytes. */
async function answerWith(bytes: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.end(bytes));
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

test.run();
