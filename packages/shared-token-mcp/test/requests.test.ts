import { createServer } from 'node:http';
import { inspect } from 'node:util';
import { ScriptedBrowser } from 'testing-authority';
import { listen } from 'testing-authority/listen';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type McpScene, openMcpScene } from './mcp-scene.ts';

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'a-client', version: '1.0.0' } },
};
const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const text = JSON.stringify(initialize);

/** A scene whose sign-in is stored, with an access token that the server rejects. */
async function openRejected(): Promise<McpScene> {
  const scene = await openMcpScene();
  await scene.call();
  scene.authorizationServer.expireAccessTokens();
  scene.server.received.length = 0;
  return scene;
}

/** A server elsewhere that tells what it got. */
async function startOther(status = 200) {
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    response.writeHead(status, { 'www-authenticate': 'Bearer scope="all"' }).end();
  });
  const url = `http://127.0.0.1:${await listen(server)}/`;
  return { url, authorizations, [Symbol.dispose]: () => void server.close() };
}

const bodies: Record<string, () => NonNullable<RequestInit['body']>> = {
  text: () => text,
  bytes: () => new TextEncoder().encode(text),
  'a Blob': () => new Blob([text]),
};

for (const [kind, body] of Object.entries(bodies)) {
  test(`a body that is ${kind} is sent again with the new token`, async () => {
    await using scene = await openRejected();
    const responses: Response[] = [];
    const { fetch } = scene.open({
      fetch: async (input, init) => {
        const response = await globalThis.fetch(input, init);
        if (response.url === scene.server.url) responses.push(response);
        return response;
      },
    });
    const response = await fetch(scene.server.url, { method: 'POST', headers, body: body() });
    assert.is(response.status, 200);
    assert.ok(responses[0]?.bodyUsed, 'the 401 holds its connection no longer');
    assert.match(await response.text(), '"serverInfo"');
    assert.is(scene.server.received.length, 2);
  });
}

const sentOnce: Record<string, (url: string) => [string | Request, RequestInit?]> = {
  'a stream': (url) => [url, { method: 'POST', headers, body: new Blob([text]).stream(), duplex: 'half' }],
  'of a Request': (url) => [new Request(url, { method: 'POST', headers, body: text })],
};

for (const [kind, request] of Object.entries(sentOnce)) {
  test(`a body that is ${kind} is sent once: the caller gets the 401, and the next request the new token`, async () => {
    await using scene = await openRejected();
    const { fetch } = scene.open();
    assert.is((await fetch(...request(scene.server.url))).status, 401);
    assert.is(scene.server.received.length, 1);
    assert.is(scene.authorizationServer.refreshes, 1);
    assert.is((await fetch(...request(scene.server.url))).status, 200);
  });
}

test('a Request without a body is sent again, with its headers', async () => {
  await using scene = await openRejected();
  const { fetch } = scene.open();
  const session = { 'mcp-session-id': 'unknown', accept: 'text/event-stream' };
  const response = await fetch(new Request(scene.server.url, { headers: session }));
  // What the server says of the session: it took the token.
  assert.not.equal(response.status, 401);
  assert.is(scene.server.received.length, 2);
});

test('the stream of the server, and the end of the session, work with a token that was rejected', async () => {
  await using scene = await openMcpScene();
  const { fetch } = scene.open();
  const opened = await fetch(scene.server.url, { method: 'POST', headers, body: text });
  await opened.text();
  const session = { ...headers, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  for (const method of ['GET', 'DELETE']) {
    scene.authorizationServer.expireAccessTokens();
    const response = await fetch(scene.server.url, { method, headers: session });
    assert.is(response.status, 200, method);
    await response.body?.cancel();
  }
  assert.is(scene.authorizationServer.refreshes, 2);
});

test('another origin gets no token, and its 401 changes nothing', async () => {
  await using scene = await openMcpScene();
  await scene.call();
  using other = await startOther(401);
  const { fetch } = scene.open();
  assert.is((await fetch(other.url)).status, 401);
  assert.equal(other.authorizations, [undefined]);
  assert.equal([scene.authorizationServer.refreshes, scene.windows.length], [0, 1]);
});

test('a redirect to another origin loses the token, and what is said there changes nothing', async () => {
  await using scene = await openMcpScene();
  await scene.call();
  using other = await startOther(401);
  const { fetch } = scene.open();
  const away = new URL(`/elsewhere?to=${encodeURIComponent(other.url)}`, scene.server.url);
  assert.is((await fetch(away)).status, 401);
  assert.equal(other.authorizations, [undefined]);
  assert.equal([scene.authorizationServer.refreshes, scene.windows.length], [0, 1]);
});

test("a request with an Authorization header of the caller's own is sent as it is", async () => {
  await using scene = await openMcpScene();
  await scene.call();
  scene.server.received.length = 0;
  const { fetch } = scene.open();
  const response = await fetch(scene.server.url, { headers: { Authorization: 'Bearer of-the-caller' } });
  assert.is(response.status, 401);
  assert.equal(scene.server.tokens, ['Bearer of-the-caller']);
  assert.is(scene.authorizationServer.refreshes, 0);
});

for (const kind of ['request', 'Request']) {
  test(`an abort ends the ${kind} alone: the person goes on, and the next one has the token`, async () => {
    await using scene = await openMcpScene();
    const opened = Promise.withResolvers<string>();
    scene.browse = opened.resolve;
    const { fetch } = scene.open();
    const stop = new AbortController();
    const init = { method: 'POST', headers, body: text, signal: stop.signal };
    const failure = rejection(
      kind === 'Request' ? fetch(new Request(scene.server.url, init)) : fetch(scene.server.url, init),
    );
    const url = await within('what it waits for', opened.promise);
    const reason = new Error('no longer wanted');
    stop.abort(reason);
    assert.is(await failure, reason);
    await new ScriptedBrowser().open(url);
    assert.is((await fetch(scene.server.url, { method: 'POST', headers, body: text })).status, 200);
    assert.is(scene.windows.length, 1);
  });
}

test('an abort ends a request that waits for a refresh, whose token the next one has', async () => {
  await using scene = await openMcpScene();
  await scene.call();
  await scene.store.set(scene.server.url, { ...scene.record, expiresAt: 1 });
  const [sent, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { fetch } = scene.open({
    fetch: async (input, init) => {
      if (String(input).endsWith('/token')) {
        sent.resolve();
        await answered.promise;
      }
      return globalThis.fetch(input, init);
    },
  });
  const stop = new AbortController();
  const failure = rejection(fetch(scene.server.url, { signal: stop.signal }), 5_000);
  await within('what it waits for', sent.promise);
  const reason = new Error('no longer wanted');
  stop.abort(reason);
  assert.is(await failure, reason);
  answered.resolve();
  assert.is((await fetch(scene.server.url, { method: 'POST', headers, body: text })).status, 200);
  assert.is(scene.authorizationServer.refreshes, 1);
});

test('a request that was aborted before is not sent', async () => {
  await using scene = await openMcpScene();
  await scene.call();
  scene.server.received.length = 0;
  const reason = new Error('no longer wanted');
  assert.is(await rejection(scene.open().fetch(scene.server.url, { signal: AbortSignal.abort(reason) })), reason);
  assert.is(scene.server.received.length, 0);
});

test('close() ends a sign-in that waits for the person', async () => {
  await using scene = await openMcpScene();
  const opened = Promise.withResolvers<string>();
  scene.browse = opened.resolve;
  const { fetch, shared } = scene.open();
  const failure = rejection(fetch(scene.server.url, { method: 'POST', headers, body: text }));
  await within('what it waits for', opened.promise);
  await within('close()', shared.close(), 2_000);
  assert.is((await failure).code, 'CLOSED');
});

for (const moment of ['before the port is open', 'while the client registers']) {
  test(`close() ${moment} asks nobody, also with a fetch that ignores its signal`, async () => {
    await using scene = await openMcpScene();
    const isEarly = moment === 'before the port is open';
    const { shared } = scene.open({
      onEvent: ({ type }) => isEarly && type === 'sign-in-started' && void shared.close(),
      fetch: (input, init) => {
        if (String(input).endsWith('/register')) void shared.close();
        return globalThis.fetch(input, { ...init, signal: null });
      },
    });
    assert.is((await rejection(shared.signIn())).code, 'CLOSED');
    await shared.close();
    assert.is(scene.windows.length, 0);
  });
}

test('the `fetch` option sends all requests, those of the sign-in too', async () => {
  await using scene = await openMcpScene();
  const sent: string[] = [];
  const { fetch } = scene.open({
    fetch: async (input, init) => {
      sent.push(new URL(String(input)).pathname);
      const response = await globalThis.fetch(input, init);
      // As a wrapper does that makes one of its own: it has no address.
      return new Response(response.body, response);
    },
  });
  await fetch(scene.server.url, { method: 'POST', headers, body: text });
  assert.equal(sent, [
    '/mcp',
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-authorization-server',
    '/register',
    '/token',
    '/mcp',
  ]);
});

test('no event and no error has a token, a code or the secret of the client', async () => {
  await using scene = await openMcpScene();
  const told: unknown[] = [];
  const access = scene.open({ onEvent: (event) => void told.push(event) });
  await scene.connect(access);
  await access.shared.getToken({ forceRefresh: true });
  const { accessToken, refreshToken, data } = scene.record;
  scene.authorizationServer.revoke();
  scene.authorizationServer.answer = { iss: 'https://other.example' };
  told.push(await rejection(access.fetch(scene.server.url, { method: 'POST', headers, body: text })), access);
  const secrets = [accessToken, refreshToken, JSON.parse(data?.client ?? '').client_secret];
  const shown = inspect(told, { depth: 9, showHidden: true });
  assert.match(shown, 'refreshed');
  for (const secret of secrets.filter((each) => each !== undefined)) assert.not.match(shown, secret);
});

test.run();
