import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnauthorizedClientError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { ScriptedBrowser } from 'testing-authority';
import { freePort } from 'testing-authority/free-port';
import { listen } from 'testing-authority/listen';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AuthorizationServer } from './authorization-server.ts';
import { openMcpScene, shortenTimeout } from './mcp-scene.ts';
import { sdks } from './sdks.ts';

const client_id = 'https://client.example/metadata.json';

for (const sdk of Object.values(sdks)) {
  test(`${sdk.name}: the first request signs in, the next process uses what is stored, and that is one record`, async () => {
    await using scene = await openMcpScene(sdk);
    assert.is(await scene.call(), 'greet');
    assert.is(await scene.call(), 'greet');
    assert.is(scene.windows.length, 1);
    const { issuer, clientsStore } = scene.authorizationServer;
    assert.equal([...scene.store.records.keys()], [scene.server.url]);
    const { client = '', ...data } = scene.record.data ?? {};
    assert.equal(data, {
      issuer,
      resource: scene.server.url,
      resourceMetadataUrl: new URL('/.well-known/oauth-protected-resource/mcp', scene.server.url).href,
      tokenEndpoint: `${issuer}/token`,
      scope: 'read',
    });
    assert.equal([...clientsStore.known.keys()], [JSON.parse(client).client_id]);
  });

  test(`${sdk.name}: the resource is named in all three requests, and the client registers as a native one`, async () => {
    await using scene = await openMcpScene(sdk);
    await scene.call();
    const { authorizationServer } = scene;
    await scene.open().shared.getToken({ forceRefresh: true });
    const requests = [...authorizationServer.sentTo('/authorize'), ...authorizationServer.sentTo('/token')];
    assert.equal(
      requests.map(({ resource }) => resource),
      Array(3).fill(scene.server.url),
    );
    const [registration] = authorizationServer.sentTo('/register');
    const { application_type, grant_types, response_types, token_endpoint_auth_method } = registration ?? {};
    assert.equal(
      [application_type, grant_types, response_types, token_endpoint_auth_method],
      ['native', ['authorization_code', 'refresh_token'], ['code'], 'none'],
    );
    assert.equal(registration?.redirect_uris, [scene.windows[0]?.searchParams.get('redirect_uri')]);
  });

  for (const [what, answer] of Object.entries({ wrong: { iss: 'https://other.example' }, missing: {} })) {
    test(`${sdk.name}: an answer with a ${what} issuer is refused before the code is sent anywhere`, async () => {
      await using scene = await openMcpScene(sdk);
      scene.authorizationServer.metadata = { authorization_response_iss_parameter_supported: true };
      scene.authorizationServer.answer = answer;
      const error = await rejection(scene.call());
      assert.equal(
        [error.code, error.problem],
        ['RESPONSE', `The answer in the browser does not come from ${scene.authorizationServer.issuer}`],
      );
      assert.equal(scene.authorizationServer.sentTo('/token'), []);
      assert.is(scene.store.records.size, 0);
      scene.authorizationServer.answer = { iss: scene.authorizationServer.issuer };
      assert.is(await scene.call(), 'greet');
    });
  }

  test(`${sdk.name}: metadata of another issuer open no browser`, async () => {
    await using scene = await openMcpScene(sdk);
    scene.authorizationServer.metadata = { issuer: 'https://other.example' };
    await rejection(scene.call());
    assert.is(scene.windows.length, 0);
  });

  test(`${sdk.name}: no code, token or secret is sent in the clear, and no window opens for a sign-in that would`, async () => {
    await using scene = await openMcpScene(sdk);
    const { authorizationServer } = scene;
    const inTheClear: string[] = [];
    const access = scene.open({
      fetch: async (input, init) => {
        const { hostname } = new URL(input as string | URL);
        if (hostname !== 'as.example') return fetch(input, init);
        inTheClear.push(String(init?.body));
        return Response.json({ access_token: 'from-anyone', token_type: 'Bearer' });
      },
    });
    const client = await scene.connect(access);
    const plain = { token_endpoint: 'http://as.example/token' };
    authorizationServer.metadata = plain;
    authorizationServer.expireAccessTokens();
    await rejection(scene.call('greet', client));
    await access.shared.signOut();
    assert.match((await rejection(scene.call('greet', client))).message, /must be https, not http:\/\/as\.example/);
    assert.equal([inTheClear, scene.windows.length], [[], 1]);
    authorizationServer.metadata = { registration_endpoint: 'http://as.example/register' };
    await access.shared.signOut();
    await rejection(scene.call('greet', client));
    assert.equal(inTheClear, []);
  });

  test(`${sdk.name}: a server whose metadata everyone on the network can change is asked for nothing, and gets nothing`, async () => {
    await using scene = await openMcpScene(sdk);
    const { authorizationServer } = scene;
    const { issuer } = authorizationServer;
    const metadata = Object(await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json());
    const inTheClear = 'http://as.example';
    let asked = 0;
    const access = scene.open({
      fetch: async (input, init) => {
        const isIt = new URL(input as string | URL).origin === inTheClear;
        if (isIt) asked++;
        return isIt ? Response.json({ ...metadata, issuer: inTheClear }) : fetch(input, init);
      },
    });
    const client = await scene.connect(access);
    authorizationServer.issuer = inTheClear;
    const { data } = scene.record;
    scene.store.records.set(scene.server.url, { ...scene.record, data: { ...data, issuer: inTheClear } });
    authorizationServer.expireAccessTokens();
    const refused = /must be https, not http:\/\/as\.example/;
    assert.match((await rejection(access.shared.getToken({ forceRefresh: true }))).message, refused);
    await access.shared.signOut();
    assert.match((await rejection(scene.call('greet', client))).message, refused);
    assert.equal([asked, authorizationServer.refreshes, scene.windows.length], [0, 0, 1]);
  });

  test(`${sdk.name}: resource metadata that everyone on the network can change name no authorization server`, async () => {
    await using scene = await openMcpScene(sdk);
    await using other = await AuthorizationServer.start();
    const access = scene.open({
      fetch: async (input, init) => {
        const isInTheClear = new URL(input as string | URL).hostname === 'mcp.example';
        if (isInTheClear) return Response.json({ resource: scene.server.url, authorization_servers: [other.issuer] });
        const response = await fetch(input, init);
        const headers = { 'www-authenticate': 'Bearer resource_metadata="http://mcp.example/metadata"' };
        return response.status === 401 ? new Response(null, { status: 401, headers }) : response;
      },
    });
    assert.is(await scene.call('greet', await scene.connect(access)), 'greet');
    assert.equal([other.requests, scene.windows.length], [[], 1]);
  });

  test(`${sdk.name}: a redirect takes no code, token, registration or metadata to another origin`, async () => {
    await using scene = await openMcpScene(sdk);
    await using other = await AuthorizationServer.start();
    const { redirects } = scene.authorizationServer;
    const access = scene.open();
    const paths = ['/.well-known/oauth-authorization-server', '/register', '/token'];
    const redirected = async (path: string, call: () => Promise<unknown>) => {
      redirects.set(path, other.issuer + path);
      await within(
        'its end',
        call().catch(() => {}),
      );
      redirects.delete(path);
    };
    for (const path of paths) await redirected(path, () => access.shared.signIn());
    await access.shared.signIn();
    for (const path of paths) await redirected(path, () => access.shared.getToken({ forceRefresh: true }));
    scene.server.metadataPath = `/elsewhere?to=${other.issuer}`;
    await access.shared.signOut();
    await rejection(scene.call());
    assert.equal(other.requests, []);
  });

  const exposed = ['http://as.example/authorize', 'http://localhost:password@as.example/authorize'];
  for (const address of ['file:///etc/passwd', 'ms-settings://open', ...exposed]) {
    test(`${sdk.name}: a server cannot make the browser open ${address}`, async () => {
      await using scene = await openMcpScene(sdk);
      scene.authorizationServer.metadata = { authorization_endpoint: address };
      const error = await rejection(scene.call());
      assert.is(scene.windows.length, 0);
      assert.match(error.message, /must be https, not (file|ms-settings|http):/);
    });
  }

  test(`${sdk.name}: a client metadata document is the client id at a server that supports that`, async () => {
    await using scene = await openMcpScene(sdk);
    const { authorizationServer } = scene;
    authorizationServer.metadata = { client_id_metadata_document_supported: true };
    // What a server reads there.
    authorizationServer.register({ client_id, token_endpoint_auth_method: 'none' });
    const access = scene.open({ clientMetadataUrl: client_id });
    const client = await scene.connect(access);
    assert.equal(authorizationServer.sentTo('/register'), []);
    authorizationServer.expireAccessTokens();
    assert.is(await scene.call('greet', client), 'greet');
    assert.equal(
      authorizationServer.sentTo('/token').map((sent) => sent.client_id),
      [client_id, client_id],
    );
  });

  test(`${sdk.name}: a registered client registers nothing, its secret is not stored, and it refreshes`, async () => {
    await using scene = await openMcpScene(sdk);
    const { authorizationServer } = scene;
    const clientInformation = { client_id: 'registered', client_secret: 'the-secret-of-this-client' };
    authorizationServer.register(clientInformation);
    const access = scene.open({ clientInformation });
    const client = await scene.connect(access);
    authorizationServer.expireAccessTokens();
    assert.is(await scene.call('greet', client), 'greet');
    assert.equal(authorizationServer.sentTo('/register'), []);
    assert.is(authorizationServer.refreshes, 1);
    assert.not.match(JSON.stringify(scene.record), clientInformation.client_secret);
    assert.is(scene.record.clientId, 'registered');
  });
}

for (const fail of [
  () => {
    throw new Error('no browser here');
  },
  () => Promise.reject(new Error('no browser here')),
]) {
  test('a browser that cannot be opened ends the sign-in at once', async () => {
    await using scene = await openMcpScene();
    scene.browse = fail;
    assert.is((await rejection(scene.call())).message, 'no browser here');
  });
}

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
for (const host of hasIpv6 ? ['127.0.0.1', '[::1]'] : ['127.0.0.1']) {
  test(`the redirect of clientMetadata fixes host ${host}, port and path, and the rest is registered`, async () => {
    await using scene = await openMcpScene();
    const port = await freePort();
    const redirect = `http://${host}:${port}/callback`;
    // What it finds registered has another redirect.
    await scene.connect();
    const access = scene.open({ clientMetadata: { client_name: 'Editor', redirect_uris: [redirect, 'app://x'] } });
    await access.shared.signIn();
    assert.is(scene.windows[1]?.searchParams.get('redirect_uri'), redirect);
    const [, registration] = scene.authorizationServer.sentTo('/register');
    assert.equal([registration?.client_name, registration?.redirect_uris], ['Editor', [redirect]]);
  });
}

test('a second sign-in comes back to the registered port; if that is taken, the client registers anew', async () => {
  await using scene = await openMcpScene();
  const access = scene.open();
  await scene.connect(access);
  await access.shared.signIn();
  const redirects = scene.windows.map(({ searchParams }) => new URL(searchParams.get('redirect_uri') ?? ''));
  assert.is(redirects[1]?.href, redirects[0]?.href);
  assert.is(scene.authorizationServer.sentTo('/register').length, 1);
  const other = createServer().listen(Number(redirects[0]?.port), '127.0.0.1');
  await once(other, 'listening');
  await access.shared.signIn();
  other.close();
  assert.is(scene.authorizationServer.sentTo('/register').length, 2);
  assert.is(await scene.call(), 'greet');
});

test('a server that has forgotten the registration: the client registers and signs in anew', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect();
  scene.authorizationServer.forgetClients();
  scene.authorizationServer.expireAccessTokens();
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.windows.length, 2);
  assert.is(scene.authorizationServer.clientsStore.known.size, 1);
  scene.authorizationServer.expireAccessTokens();
  assert.is(await scene.call('greet', client), 'greet', 'the refresh uses the new registration');
  assert.is(scene.windows.length, 2);
});

test('a registration that may not refresh is replaced', async () => {
  await using scene = await openMcpScene();
  const client = await scene.connect();
  scene.authorizationServer.expireAccessTokens();
  scene.authorizationServer.exchangeRefreshToken = () => Promise.reject(new UnauthorizedClientError('not this one'));
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.windows.length, 2);
  assert.is(scene.authorizationServer.sentTo('/register').length, 2);
});

test('a registration that the server shows to have ended at a sign-in is replaced by the next sign-in', async () => {
  for (const forgets of [
    (server: AuthorizationServer) => server.forgetClients(),
    (server: AuthorizationServer) => {
      const exchange = server.exchangeAuthorizationCode;
      server.exchangeAuthorizationCode = async () => {
        server.exchangeAuthorizationCode = exchange;
        throw new UnauthorizedClientError('it has ended');
      };
    },
  ]) {
    await using scene = await openMcpScene();
    const { authorizationServer } = scene;
    // So no refresh is refused, which would tell as well.
    authorizationServer.givesRefreshTokens = false;
    const client = await scene.connect();
    authorizationServer.expireAccessTokens();
    forgets(authorizationServer);
    scene.browse = async (url) => {
      // The person sees an error, and nothing comes back.
      if ((await new ScriptedBrowser().open(url)).status === 400) throw new Error('no answer');
    };
    await rejection(scene.call('greet', client));
    assert.is(await scene.call('greet', client), 'greet');
    assert.is(authorizationServer.sentTo('/register').length, 2);
  }
});

test('a token endpoint that takes the code and never answers holds the process for a minute at most', async () => {
  using _ = shortenTimeout(60_000);
  await using scene = await openMcpScene();
  const silent = createServer();
  const connected = once(silent, 'connection');
  try {
    scene.authorizationServer.metadata = { token_endpoint: `http://127.0.0.1:${await listen(silent)}/token` };
    const failure = rejection(scene.open().shared.signIn());
    const [socket] = await within('the call', connected);
    const [{ name }] = await Promise.all([failure, within('its end', once(socket.resume(), 'close'))]);
    assert.is(name, 'TimeoutError');
  } finally {
    silent.close();
    // If it fails.
    connected.then(([socket]) => socket.destroy());
  }
});

test('a fetch that ignores its signal keeps nothing open for longer', async () => {
  using _ = shortenTimeout(60_000);
  await using scene = await openMcpScene();
  let page: ReturnType<ScriptedBrowser['open']> | undefined;
  scene.browse = (url) => {
    page = new ScriptedBrowser().open(url);
  };
  const answer = Promise.withResolvers<never>();
  const fetch: typeof globalThis.fetch = (input, init) =>
    String(input).endsWith('/token') ? answer.promise : globalThis.fetch(input, init);
  const failure = rejection(scene.open({ fetch }).shared.signIn());
  await until(() => page !== undefined);
  assert.match((await within('its end', page as ReturnType<ScriptedBrowser['open']>)).html, 'You are not signed in');
  answer.reject(new Error('no answer'));
  assert.is((await failure).name, 'TimeoutError');
});

test('the page in the browser tells of the sign-in when the tokens are stored', async () => {
  await using scene = await openMcpScene();
  const pages: string[] = [];
  scene.browse = async (url) => {
    const { html } = await new ScriptedBrowser().open(url);
    pages.push(html, String(scene.store.records.size));
  };
  await scene.call();
  assert.match(pages[0] ?? '', 'You are signed in');
  assert.is(pages[1], '1');
});

for (const how of ['the browser ends with an error', 'close() is called']) {
  test(`if ${how} while the code is exchanged, the tokens are stored, and the page says that the person is signed in`, async () => {
    await using scene = await openMcpScene();
    const browser = Promise.withResolvers<void>();
    const exchange = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let page: ReturnType<ScriptedBrowser['open']> | undefined;
    scene.browse = (url) => {
      page = new ScriptedBrowser().open(url);
      return browser.promise;
    };
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (String(input).endsWith('/token')) {
        asked.resolve();
        await exchange.promise;
      }
      return globalThis.fetch(input, init);
    };
    const access = scene.open({ fetch });
    const isClosed = how === 'close() is called';
    const call = access.shared.signIn().catch(({ code }) => code);
    await within('what it waits for', asked.promise);
    const closed = isClosed ? access.shared.close() : browser.reject(new Error('status 1'));
    await sleep(50);
    exchange.resolve();
    assert.match((await page)?.html ?? '', 'You are signed in');
    await within('close()', Promise.resolve(closed));
    assert.is((await call) === 'CLOSED', isClosed);
    assert.ok(scene.record.accessToken);
  });
}

test.run();
