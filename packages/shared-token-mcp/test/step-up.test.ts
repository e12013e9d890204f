import { setTimeout as sleep } from 'node:timers/promises';
import { InsufficientScopeError } from '@modelcontextprotocol/client';
import { signInLockName } from 'shared-token';
import { ScriptedBrowser } from 'testing-authority';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMcpScene } from './mcp-scene.ts';
import { sdks } from './sdks.ts';

/** A `fetch`, and how many answers with 403 it has brought. */
function countRefused() {
  let count = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await globalThis.fetch(input, init);
    if (response.status === 403) count++;
    return response;
  };
  return { fetch, refused: () => count };
}

for (const sdk of Object.values(sdks)) {
  test(`${sdk.name}: a 403 asks once for what was asked for before and what is missing, for all processes`, async () => {
    await using scene = await openMcpScene(sdk);
    const clients = [await scene.connect(), await scene.connect(), await scene.connect()];
    const calls = clients.flatMap((client) => [scene.call('write', client), scene.call('write', client)]);
    assert.equal(await Promise.all(calls), Array(6).fill('write'));
    assert.equal(scene.asked, ['read', 'read write']);
    assert.is(await scene.call('delete', clients[0]), 'delete');
    assert.equal(scene.asked.at(-1), 'read write delete');
    assert.is(await scene.call('write', clients[1]), 'write');
    assert.is(scene.windows.length, 3);
    assert.is(scene.authorizationServer.refreshes, 0);
  });
}

test('a person who refuses more keeps what there is', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect();
  scene.authorizationServer.answer = { error: 'access_denied' };
  assert.is((await rejection(scene.call('write', client))).code, 'AUTHORIZATION_ERROR');
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.windows.length, 2);
  scene.authorizationServer.answer = {};
  assert.is(await scene.call('delete', client), 'delete');
  assert.is(scene.asked.at(-1), 'read delete', 'not for what was refused');
});

test('a person who refuses more is asked for it again by the next request, and not by the same one', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect(scene.open({ maxStepUps: 2 }));
  scene.authorizationServer.answer = { error: 'access_denied' };
  for (let call = 0; call < 2; call++) await rejection(scene.call('write', client));
  assert.equal(scene.asked, ['read', 'read write', 'read write']);
});

test('while a person is asked for more, other requests go on with the token there is', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect();
  const opened = Promise.withResolvers<string>();
  scene.browse = opened.resolve;
  const write = scene.call('write', client);
  const url = await within('what it waits for', opened.promise);
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(await scene.call('greet'), 'greet', 'another process as well');
  assert.is(scene.authorizationServer.refreshes, 0);
  await new ScriptedBrowser().open(url);
  assert.is(await write, 'write');
  assert.is(scene.windows.length, 2);
});

test('a token that ends while a person is asked for more is refreshed for other requests, also if the person refuses', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect();
  const opened = Promise.withResolvers<string>();
  scene.browse = opened.resolve;
  const refused = rejection(scene.call('write', client));
  const url = await within('what it waits for', opened.promise);
  scene.authorizationServer.expireAccessTokens();
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.authorizationServer.refreshes, 1);
  scene.authorizationServer.answer = { error: 'access_denied' };
  await new ScriptedBrowser().open(url);
  assert.is((await refused).code, 'AUTHORIZATION_ERROR');
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.windows.length, 2);
});

for (const givesRefreshTokens of [true, false]) {
  test(`a 403 that comes late asks for nothing: another request has the scopes by now, and ${givesRefreshTokens ? 'a' : 'no'} refresh token`, async () => {
    await using scene = await openMcpScene();
    scene.authorizationServer.givesRefreshTokens = givesRefreshTokens;
    const first = Promise.withResolvers<unknown>();
    let refused = 0;
    const access = scene.open({
      fetch: async (input, init) => {
        const response = await globalThis.fetch(input, init);
        if (response.status === 403 && ++refused === 2) await within('what it waits for', first.promise);
        return response;
      },
    });
    const client = await scene.connect(access);
    const calls = [scene.call('write', client), scene.call('write', client)];
    first.resolve(Promise.race(calls));
    assert.equal(await Promise.all(calls), ['write', 'write']);
    assert.equal(scene.asked, ['read', 'read write']);
    assert.is(scene.authorizationServer.refreshes, 0);
  });
}

test('a 403 that comes late, when a refresh has brought another token: that one lacks the scope as well', async () => {
  await using scene = await openMcpScene();
  const access = scene.open({
    fetch: async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (response.status === 403) await access.shared.getToken({ forceRefresh: true });
      return response;
    },
  });
  assert.is(await scene.call('write', await scene.connect(access)), 'write');
  assert.equal(scene.asked, ['read', 'read write']);
});

test('an answer with more than a store can keep is refused: the person is not asked for ever, and what there is stays', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    const client = await scene.connect();
    scene.authorizationServer.grants = (scopes) => [...scopes, 'x'.repeat(65_536)];
    const { code, message } = await rejection(scene.call('write', client));
    assert.is(code, 'RESPONSE');
    assert.match(message, /more than/);
    assert.is(await scene.call('greet', client), 'greet');
    assert.is(scene.windows.length, 2);
  }
});

test('an SDK that asks for less than it is told: a request has one window, not one after the other', async () => {
  await using scene = await openMcpScene();
  const { sdk } = sdks[2];
  const auth: typeof sdk.auth = (provider, options) => sdk.auth(provider, { ...options, scope: 'read' });
  const client = await scene.connect(scene.open({ sdk: { ...sdk, auth } }));
  await rejection(scene.call('write', client));
  assert.is(scene.windows.length, 2);
});

test('a person who grants less than was asked for is not asked again and again', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect();
  scene.authorizationServer.grants = (scopes) => scopes.slice(0, 1);
  for (let call = 0; call < 2; call++) await rejection(scene.call('write', client));
  assert.is(await scene.call('greet', client), 'greet');
  assert.equal(scene.asked, ['read', 'read write']);
  assert.is(scene.authorizationServer.refreshes, 0);
});

test('two requests that need different scopes at once ask for both', async () => {
  await using scene = await openMcpScene();
  const both = Promise.withResolvers<void>();
  let refused = 0;
  const access = scene.open({
    fetch: async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (response.status === 403 && ++refused === 2) both.resolve();
      if (response.status === 403) await within('what it waits for', both.promise);
      return response;
    },
  });
  const client = await scene.connect(access);
  assert.equal(await Promise.all([scene.call('write', client), scene.call('delete', client)]), ['write', 'delete']);
  assert.equal(
    scene.asked.map((scope) => scope?.split(' ').toSorted()),
    [['read'], ['delete', 'read', 'write']],
  );
});

test('a request that needs other scopes while the person is asked: a second window asks for those as well', async () => {
  await using scene = await openMcpScene();
  const { fetch, refused } = countRefused();
  const access = scene.open({ fetch });
  const client = await scene.connect(access);
  const opened = Promise.withResolvers<string>();
  scene.browse = opened.resolve;
  const write = scene.call('write', client);
  const url = await within('what it waits for', opened.promise);
  scene.browse = (url) => new ScriptedBrowser().open(url);
  const remove = scene.call('delete', client);
  await until(() => refused() === 2);
  await new ScriptedBrowser().open(url);
  assert.equal(await Promise.all([write, remove]), ['write', 'delete']);
  assert.equal(scene.asked, ['read', 'read write', 'read write delete']);
});

test('scopes are asked for once each, however the server writes them', async () => {
  await using scene = await openMcpScene();
  scene.server.scope = ' read  read ';
  await scene.call();
  assert.equal(scene.asked, ['read']);
});

test('what the server gave without being asked for is asked for with the rest', async () => {
  await using scene = await openMcpScene();
  scene.server.scope = undefined;
  const client = await scene.connect();
  assert.is(await scene.call('write', client), 'write');
  assert.equal(scene.asked, [null, 'basic write']);
});

test('maxStepUps limits how often one request asks, and 0 leaves the 403 to the SDK', async () => {
  for (const maxStepUps of [undefined, 0, 1, 3]) {
    await using scene = await openMcpScene();
    const client = await scene.connect(scene.open({ maxStepUps }));
    let wanted = 0;
    // Each time, the tool wants something else.
    scene.server.needs = (tool) => (tool === '' ? undefined : `scope-${++wanted}`);
    await rejection(scene.call('write', client));
    assert.is(scene.windows.length, 1 + (maxStepUps ?? 1));
  }
});

test("client 2: not interactive, `onInsufficientScope: 'throw'` throws what is missing", async () => {
  await using scene = await openMcpScene(sdks[2]);
  await scene.connect();
  const { fetch } = scene.open({ interactive: false });
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client({ name: 'a-client', version: '1.0.0' });
  const options = { fetch, onInsufficientScope: 'throw' } as const;
  await client.connect(new StreamableHTTPClientTransport(new URL(scene.server.url), options));
  const error = await rejection(scene.call('write', client));
  assert.ok(InsufficientScopeError.isInstance(error), String(error));
  assert.is(error.requiredScope, 'write');
  assert.is(scene.windows.length, 1);
  await client.close();
});

test('a 403 for another reason goes to the SDK', async () => {
  await using scene = await openMcpScene();
  const access = scene.open();
  const client = await scene.connect(access);
  scene.server.needs = () => '';
  await rejection(scene.call('write', client));
  assert.is(scene.windows.length, 1);
  await access.shared.signIn();
  assert.equal(scene.asked, ['read', 'read'], 'and its scope is not asked for');
});

test('what a request that was aborted asks a person for is asked for in one window with that of the next one', async () => {
  await using scene = await openMcpScene();
  const { fetch, refused } = countRefused();
  const access = scene.open({ fetch });
  const client = await scene.connect(access);
  // Another process asks the person now.
  const turn = Promise.withResolvers<void>();
  const held = scene.store.exclusively(signInLockName(scene.server.url), () => turn.promise);
  const leaving = new AbortController();
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'write' } });
  const headers = { 'content-type': 'application/json' };
  const aborted = rejection(access.fetch(scene.server.url, { method: 'POST', headers, body, signal: leaving.signal }));
  await until(() => refused() === 1);
  await sleep(50);
  leaving.abort();
  await aborted;
  const remove = scene.call('delete', client);
  await until(() => refused() === 2);
  await sleep(50);
  turn.resolve();
  await held;
  assert.is(await remove, 'delete');
  assert.is(await scene.call('write', client), 'write');
  assert.equal(
    scene.asked.map((scope) => scope?.split(' ').toSorted()),
    [['read'], ['delete', 'read', 'write']],
  );
});

test.run();
