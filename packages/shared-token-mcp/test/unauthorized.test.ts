import { UnauthorizedError } from '@modelcontextprotocol/client';
import { ScriptedBrowser } from 'testing-authority';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMcpScene } from './mcp-scene.ts';
import { sdks } from './sdks.ts';

for (const sdk of Object.values(sdks)) {
  test(`${sdk.name}: a token that the server rejects is refreshed once for all requests, which are sent again`, async () => {
    await using scene = await openMcpScene(sdk);
    const client = await scene.connect();
    scene.authorizationServer.expireAccessTokens();
    const results = await Promise.all(Array.from({ length: 5 }, () => scene.call('greet', client)));
    assert.equal(results, Array(5).fill('greet'));
    assert.is(scene.authorizationServer.refreshes, 1);
    assert.is(scene.windows.length, 1);
  });

  test(`${sdk.name}: if the server rejects the new token as well, the SDK gets the 401, and no person is asked`, async () => {
    await using scene = await openMcpScene(sdk);
    const client = await scene.connect();
    scene.authorizationServer.expireAccessTokens();
    scene.server.authorizationServer.scopesOf = () => undefined;
    assert.match((await rejection(scene.call('greet', client))).message, /401|POSTing/);
    assert.is(scene.authorizationServer.refreshes, 1);
    assert.is(scene.windows.length, 1);
  });

  test(`${sdk.name}: a sign-in that has ended: one window for all requests, with the registration that is known`, async () => {
    await using scene = await openMcpScene(sdk);
    const client = await scene.connect();
    scene.authorizationServer.revoke();
    const results = await Promise.all(Array.from({ length: 3 }, () => scene.call('greet', client)));
    assert.equal(results, Array(3).fill('greet'));
    assert.is(scene.windows.length, 2);
    assert.is(scene.authorizationServer.sentTo('/register').length, 1);
  });

  test(`${sdk.name}: not interactive, the SDK gets the 401, and signIn() signs in with what it asks for`, async () => {
    await using scene = await openMcpScene(sdk);
    const access = scene.open({ interactive: false });
    await rejection(scene.connect(access));
    assert.is(scene.windows.length, 0);
    await access.shared.signIn();
    assert.equal(scene.asked, ['read']);
    assert.is(await scene.call('greet', await scene.connect(access)), 'greet');
  });
}

test("client 2: `onUnauthorized` of the transport's authProvider may sign in", async () => {
  await using scene = await openMcpScene(sdks[2]);
  const { fetch, shared } = scene.open({ interactive: false });
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client({ name: 'a-client', version: '1.0.0' });
  const authProvider = { token: async () => undefined, onUnauthorized: async () => void (await shared.signIn()) };
  await client.connect(new StreamableHTTPClientTransport(new URL(scene.server.url), { fetch, authProvider }));
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.windows.length, 1);
  const silent = { token: authProvider.token };
  scene.authorizationServer.revoke();
  const other = new StreamableHTTPClientTransport(new URL(scene.server.url), { fetch, authProvider: silent });
  const error = await rejection(new Client({ name: 'a-client', version: '1.0.0' }).connect(other));
  assert.ok(UnauthorizedError.isInstance(error), String(error));
  await client.close();
});

test('refreshes of 13 calls with `expires_in: 300` · 60: 0 · 0, in one process or in a new one for each', async () => {
  for (const expiresIn of [300, 60]) {
    await using scene = await openMcpScene();
    scene.authorizationServer.expiresIn = expiresIn;
    const client = await scene.connect();
    for (let call = 0; call < 13; call++) await scene.call('greet', client);
    for (let call = 0; call < 13; call++) await scene.call();
    assert.is(scene.authorizationServer.refreshes, 0);
    assert.is(scene.windows.length, 1);
  }
});

for (const expiresIn of [3600, undefined]) {
  test(`no refresh token, expires_in ${expiresIn}: the token is shared until the server rejects it, then one window`, async () => {
    await using scene = await openMcpScene();
    Object.assign(scene.authorizationServer, { givesRefreshTokens: false, expiresIn });
    const clients = [await scene.connect(), await scene.connect(), await scene.connect()];
    assert.is(scene.windows.length, 1);
    scene.authorizationServer.expireAccessTokens();
    const results = await Promise.all(clients.map((client) => scene.call('greet', client)));
    assert.equal(results, Array(3).fill('greet'));
    assert.is(scene.windows.length, 2);
    assert.is(scene.authorizationServer.sentTo('/register').length, 1);
    assert.is(scene.authorizationServer.refreshes, 0);
  });
}

test('a 401 that comes late refreshes nothing: another request has the new token already', async () => {
  await using scene = await openMcpScene();
  await scene.call();
  scene.authorizationServer.expireAccessTokens();
  const renewed = Promise.withResolvers<void>();
  let lateRequests = 0;
  const access = scene.open({
    fetch: async (input, init) => {
      const isLate = new Headers(init?.headers).has('x-late') && ++lateRequests === 1;
      const response = await globalThis.fetch(input, init);
      if (isLate) await within('what it waits for', renewed.promise);
      return response;
    },
  });
  const get = (headers: Record<string, string> = {}): Promise<Response> =>
    access.fetch(scene.server.url, { headers: { accept: 'text/event-stream', ...headers } });
  const [first, second] = [get(), get({ 'x-late': 'yes' })];
  await first;
  renewed.resolve();
  await second;
  assert.is(scene.authorizationServer.refreshes, 1);
});

test('what other requests hear does not change what a sign-in under way asks for, and where', async () => {
  await using scene = await openMcpScene();
  // Only the challenge says where.
  scene.server.metadataPath = '/who-is-it';
  const opened = Promise.withResolvers<string>();
  scene.browse = opened.resolve;
  const refused = rejection(scene.connect());
  const url = await within('what it waits for', opened.promise);
  scene.browse = (url) => new ScriptedBrowser().open(url);
  const [waiting, heard] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const access = scene.open({
    onEvent: ({ type }) => type === 'waiting' && waiting.resolve(),
    fetch: async (input, init) => {
      const [, status] = /says-(\d+)/.exec(String(input)) ?? [];
      if (status === undefined) return globalThis.fetch(input, init);
      heard.resolve();
      return new Response('', { status: Number(status) });
    },
  });
  const connected = scene.connect(access);
  await within('what it waits for', waiting.promise);
  assert.is((await access.fetch(new URL('/says-403', scene.server.url))).status, 403);
  const unauthorized = access.fetch(new URL('/says-401', scene.server.url));
  await within('what it waits for', heard.promise);
  scene.authorizationServer.answer = { error: 'access_denied' };
  await new ScriptedBrowser().open(url);
  assert.is((await refused).code, 'AUTHORIZATION_ERROR');
  scene.authorizationServer.answer = {};
  await connected;
  assert.is((await unauthorized).status, 401);
  assert.equal(scene.asked, ['read', 'read']);
  assert.match(scene.record.data?.resourceMetadataUrl ?? '', '/who-is-it');
});

test('a server that wants no token is not asked for one, and no person is', async () => {
  await using scene = await openMcpScene();
  scene.authorizationServer.scopesOf = () => [];
  assert.is(await scene.call(), 'greet');
  assert.equal(scene.server.tokens, [undefined]);
  assert.is(scene.windows.length, 0);
});

test('a provider that cannot be reached is no reason to sign in again', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect();
  await scene.authorizationServer[Symbol.asyncDispose]();
  scene.authorizationServer.expireAccessTokens();
  const error = await rejection(scene.call('greet', client));
  assert.is(error.name, 'TypeError', 'what fetch says');
  assert.is(scene.record.refusedAt, undefined);
  assert.is(scene.windows.length, 1);
});

test('a provider that withholds its metadata for now gets the refresh token at the address that it named, and nowhere else', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    const { authorizationServer } = scene;
    authorizationServer.metadata = { token_endpoint: `${authorizationServer.issuer}/tenant/token` };
    let isHidden = false;
    const access = scene.open({
      fetch: async (input, init) => {
        const url = new URL(input as string | URL);
        if (isHidden && url.pathname === '/.well-known/oauth-authorization-server')
          return new Response('', { status: 429 });
        if (url.pathname === '/tenant/token') return fetch(new URL('/token', url), init);
        // The address without metadata, where another one answers.
        if (url.pathname === '/token') return Response.json({ error: 'invalid_client' }, { status: 401 });
        return fetch(input, init);
      },
    });
    const client = await scene.connect(access);
    isHidden = true;
    authorizationServer.expireAccessTokens();
    const { code, retryable } = await rejection(access.shared.getToken({ forceRefresh: true }));
    assert.equal([code, retryable], ['RESPONSE', true]);
    isHidden = false;
    assert.is(await scene.call('greet', client), 'greet');
    assert.is(scene.windows.length, 1);
  }
});

test('after signOut() the next request asks the person', async () => {
  await using scene = await openMcpScene();
  const access = scene.open();
  const client = await scene.connect(access);
  await access.shared.signOut();
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.windows.length, 2);
});

test.run();
