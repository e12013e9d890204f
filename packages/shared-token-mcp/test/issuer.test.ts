import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AuthorizationServer } from './authorization-server.ts';
import { openMcpScene, shortenTimeout } from './mcp-scene.ts';
import { sdks } from './sdks.ts';

for (const sdk of Object.values(sdks)) {
  test(`${sdk.name}: a server that moves: the person signs in once at the new issuer, which gets nothing of the old one`, async () => {
    await using scene = await openMcpScene(sdk);
    await using other = await AuthorizationServer.start();
    const clients = [await scene.connect(), await scene.connect()];
    const before = scene.record;
    scene.server.authorizationServer = other;
    const calls = clients.map((client) => scene.call('greet', client));
    assert.equal(await Promise.all(calls), ['greet', 'greet']);
    assert.is(scene.windows.length, 2);
    assert.is(scene.authorizationServer.refreshes, 0);
    const { client_id } = JSON.parse(before.data?.client ?? '');
    const sent = JSON.stringify(other.requests);
    for (const secret of [client_id, before.refreshToken, before.accessToken]) assert.not.match(sent, secret);
    assert.is(other.sentTo('/register').length, 1);
    assert.is(scene.record.data?.issuer, other.issuer);
    assert.is(scene.record.data?.scope, 'read');
  });

  for (const [what, issuer] of Object.entries({ 'no issuer': {}, 'an undefined issuer': { issuer: undefined } }))
    test(`${sdk.name}: a registered client with ${what} is not shown to another issuer`, async () => {
      await using scene = await openMcpScene(sdk);
      await using other = await AuthorizationServer.start();
      const clientInformation = { client_id: 'registered', client_secret: 'the-secret-of-this-client', ...issuer };
      scene.authorizationServer.register({ client_id: 'registered', client_secret: clientInformation.client_secret });
      const access = scene.open({ clientInformation });
      const client = await scene.connect(access);
      scene.server.authorizationServer = other;
      await rejection(scene.call('greet', client));
      assert.is(scene.windows.length, 1);
      assert.not.match(JSON.stringify(other.requests), 'registered');
      const elsewhere = scene.open({
        clientInformation: { ...clientInformation, issuer: scene.authorizationServer.issuer },
      });
      await access.shared.signOut();
      await rejection(scene.connect(elsewhere));
      assert.not.match(JSON.stringify(other.requests), 'registered');
    });
}

for (const givesRefreshTokens of [true, false]) {
  test(`the new issuer is not asked for the scopes of the old one, which gave ${givesRefreshTokens ? 'a' : 'no'} refresh token`, async () => {
    await using scene = await openMcpScene();
    await using other = await AuthorizationServer.start();
    scene.authorizationServer.givesRefreshTokens = givesRefreshTokens;
    const client = await scene.connect();
    await scene.call('write', client);
    scene.server.authorizationServer = other;
    assert.is(await scene.call('greet', client), 'greet');
    assert.equal(scene.asked, ['read', 'read write', 'read']);
  });
}

test('the old issuer is gone: an expired token leads to the new one', async () => {
  await using scene = await openMcpScene();
  await using other = await AuthorizationServer.start();
  scene.authorizationServer.expiresIn = 0;
  await scene.call();
  await scene.authorizationServer[Symbol.asyncDispose]();
  scene.server.authorizationServer = other;
  assert.is(await scene.call(), 'greet');
  assert.is(scene.record.data?.issuer, other.issuer);
});

test('a client of the new issuer is not shown to the old one for a refresh', async () => {
  await using scene = await openMcpScene();
  const client = { client_id: 'registered', client_secret: 'the-secret-of-this-client' };
  scene.authorizationServer.register(client);
  await scene.connect(scene.open({ clientInformation: client }));
  const { refreshes } = scene.authorizationServer;
  const moved = scene.open({ clientInformation: { ...client, issuer: 'https://new.example' }, interactive: false });
  await rejection(moved.shared.getToken({ forceRefresh: true }));
  assert.is(scene.authorizationServer.refreshes, refreshes);
});

test('a server that does not say who its issuer is, for now, is no reason to sign in again', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    const client = await scene.connect();
    scene.server.hidesMetadata = true;
    scene.authorizationServer.expireAccessTokens();
    assert.is(await scene.call('greet', client), 'greet');
    assert.is(scene.authorizationServer.refreshes, 1);
    assert.is(scene.windows.length, 1);
  }
});

test('a server that does not answer who its issuer is counts as unchanged after 5 seconds', async () => {
  using _ = shortenTimeout(5_000);
  await using scene = await openMcpScene();
  const client = await scene.connect();
  scene.server.isSilent = true;
  scene.authorizationServer.expireAccessTokens();
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.windows.length, 1);
});

test('a server that says elsewhere who its issuer is may move as well', async () => {
  await using scene = await openMcpScene();
  await using other = await AuthorizationServer.start();
  scene.server.metadataPath = '/who-is-it';
  const client = await scene.connect();
  scene.server.authorizationServer = other;
  assert.is(await scene.call('greet', client), 'greet');
  assert.is(scene.authorizationServer.refreshes, 0);
  // A process that has sent no request knows the address from the sign-in.
  await scene.open().shared.signIn();
  assert.is(scene.windows.length, 3);
});

test('a server that no longer says in its challenge where its metadata are: they are looked for at the standard address', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    const standard = scene.server.metadataPath;
    scene.server.metadataPath = '/who-is-it';
    await scene.call();
    scene.server.metadataPath = standard;
    scene.authorizationServer.revoke();
    const later = scene.open({
      fetch: async (input, init) => {
        const { body, status, headers } = await fetch(input, init);
        const challenge = headers.get('www-authenticate')?.replace(/, resource_metadata=.*/, '');
        const changed = new Headers(headers);
        if (challenge) changed.set('www-authenticate', challenge);
        return new Response(body, { status, headers: changed });
      },
    });
    assert.is(await scene.call('greet', await scene.connect(later)), 'greet');
    assert.is(scene.windows.length, 2);
  }
});

test('metadata of another issuer get no refresh token, whatever they say', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    await using other = await AuthorizationServer.start();
    const access = scene.open();
    await access.shared.signIn();
    scene.authorizationServer.metadata = { issuer: other.issuer, token_endpoint: `${other.issuer}/token` };
    await rejection(access.shared.getToken({ forceRefresh: true }));
    assert.equal(other.requests, []);
    scene.authorizationServer.metadata = {};
    await access.shared.getToken({ forceRefresh: true });
    assert.equal([scene.authorizationServer.refreshes, scene.windows.length], [1, 1]);
  }
});

test('a slash at the end is no other issuer', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    for (const [before, after] of [
      ['/', ''],
      ['', '/'],
    ]) {
      scene.server.writeIssuer = (issuer) => issuer + before;
      const access = scene.open();
      await access.shared.signIn();
      scene.server.writeIssuer = (issuer) => issuer + after;
      scene.authorizationServer.expireAccessTokens();
      assert.is(await scene.call('greet', await scene.connect(access)), 'greet');
    }
    assert.equal([scene.windows.length, scene.authorizationServer.refreshes], [2, 2]);
  }
});

test('a record that does not say who issued it is not sent anywhere', async () => {
  await using scene = await openMcpScene();
  await scene.store.set(scene.server.url, { refreshToken: 'of-an-unknown-issuer' });
  scene.server.hidesMetadata = true;
  const error = await rejection(scene.open().shared.getToken({ interactive: false }));
  assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'refused']);
  scene.server.hidesMetadata = false;
  assert.is(await scene.call(), 'greet');
  assert.is(scene.windows.length, 1);
  assert.is(scene.authorizationServer.refreshes, 0);
});

test('a sign-in of another client is not used', async () => {
  await using scene = await openMcpScene();
  const [one, other] = ['one', 'other'].map((client_id) => {
    scene.authorizationServer.register({ client_id });
    return scene.open({ clientInformation: { client_id } });
  });
  await scene.connect();
  await one?.shared.signIn();
  assert.is(scene.record.clientId, 'one', 'not the one that has registered itself');
  await scene.connect(other);
  assert.is(scene.record.clientId, 'other');
  assert.is(scene.windows.length, 3);
});

test('the sign-in of a client that has registered itself is refreshed as that one, also by a program with a given client', async () => {
  await using scene = await openMcpScene();
  await scene.open().shared.signIn();
  scene.authorizationServer.register({ client_id: 'one' });
  scene.authorizationServer.expireAccessTokens();
  const given = scene.open({ clientInformation: { client_id: 'one' } });
  assert.is(await scene.call('greet', await scene.connect(given)), 'greet');
  assert.equal([scene.authorizationServer.refreshes, scene.windows.length], [1, 1]);
});

test('a given client signs in at the new issuer, although the stored sign-in is that of another client at the old one', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    await using other = await AuthorizationServer.start();
    await scene.open().shared.signIn();
    other.register({ client_id: 'one' });
    scene.server.authorizationServer = other;
    const given = scene.open({ clientInformation: { client_id: 'one' } });
    assert.is(await scene.call('greet', await scene.connect(given)), 'greet');
    assert.equal([scene.record.clientId, scene.record.data?.issuer], ['one', other.issuer]);
  }
});

test('a client whose secret has ended: nobody is asked to sign in, which would not help, and the sign-in stays', async () => {
  for (const sdk of Object.values(sdks)) {
    await using scene = await openMcpScene(sdk);
    const clientInformation = { client_id: 'one', client_secret: 'the-secret-of-this-client' };
    scene.authorizationServer.register(clientInformation);
    await scene.open({ clientInformation }).shared.signIn();
    scene.authorizationServer.expireAccessTokens();
    const before = scene.record;
    const { code, message } = await rejection(
      scene.connect(scene.open({ clientInformation: { ...clientInformation, client_secret: 'an-old-one' } })),
    );
    assert.is(code, 'RESPONSE');
    assert.match(message, /does not take the client one\. Check client_id and client_secret of clientInformation$/);
    assert.is(scene.windows.length, 1);
    assert.equal(scene.record, before);
    assert.is(await scene.call('greet', await scene.connect(scene.open({ clientInformation }))), 'greet');
    assert.is(scene.windows.length, 1);
  }
});

test('a program without a client of its own: a sign-in of a given client is left as it is, and the person signs in once', async () => {
  await using scene = await openMcpScene();
  scene.authorizationServer.register({ client_id: 'one' });
  const given = scene.open({ clientInformation: { client_id: 'one' } });
  await given.shared.signIn();
  const before = scene.record;
  assert.is(await scene.call(), 'greet', 'its access token is of use as long as it is valid');
  scene.authorizationServer.expireAccessTokens();
  await rejection(scene.connect(scene.open({ interactive: false })));
  assert.equal(scene.record, before, 'not marked as refused');
  assert.is(scene.authorizationServer.refreshes, 0);
  for (let program = 0; program < 2; program++) assert.is(await scene.call(), 'greet');
  scene.authorizationServer.expireAccessTokens();
  assert.is(await scene.call(), 'greet');
  assert.is(await scene.call('greet', await scene.connect(given)), 'greet', 'the given client uses the new sign-in');
  assert.is(scene.windows.length, 2);
});

test.run();
