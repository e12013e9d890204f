import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createPipelineRequest,
} from '@azure/core-rest-pipeline';
import { issueCertificate } from 'testing-authority';
import { ProxyAgent } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from './memory-store.ts';
import { ask, assertProxyUsed, writeCertificate } from './proxied.ts';
import { openScene, rejection } from './scene.ts';

test('the Azure SDKs take asTokenCredential() as a TokenCredential, and their bearer policy reads the drive', async () => {
  await using scene = await openScene();
  const credential: TokenCredential = scene.handler().asTokenCredential();
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: 'https://graph.microsoft.com/.default' }));
  const { graphUrl } = scene.authority;
  const wanted = createPipelineRequest({ url: `${graphUrl}/me/drive`, allowInsecureConnection: true });
  // The policy refuses plain http, which only this test uses.
  wanted.url = graphUrl.replace('http:', 'https:');
  const sendPlain = {
    sendRequest: (sent: typeof wanted) => {
      sent.url = `${graphUrl}/me/drive`;
      return createDefaultHttpClient().sendRequest(sent);
    },
  };
  const response = await pipeline.sendRequest(sendPlain, wanted);
  assert.is(response.status, 200);
});

// test-long/ecosystem.test.ts has https.
test('requests over http use the proxy in the environment, except to the hosts in NO_PROXY', () => assertProxyUsed());

test('if the proxy refuses a request, the message has the status that the proxy answered', async () => {
  await using scene = await openScene();
  const proxy = createServer();
  proxy.on('connect', (_request, socket: Socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const dispatcher = new ProxyAgent(`http://ada:pa55word@127.0.0.1:${port}`);
  const store = new MemoryStore();
  store.records.set('my-app', { refreshToken: 'r' });
  const handler = scene.handler({ store, dispatcher, authority: 'https://login.example' });
  const error = await rejection(handler.getToken());
  proxy.close();
  assert.is(error.code, 'NETWORK');
  assert.match(error.message, '407');
  assert.not.match(inspect(error, { depth: 20, showHidden: true }), 'pa55word');
});

test('a certificate of an unknown authority is refused, unless it is in NODE_EXTRA_CA_CERTS', async () => {
  const tls = issueCertificate();
  await using scene = await openScene({ tls });
  const { openTokenStore } = await import('token-store-sqlite');
  using store = openTokenStore(scene.dbFilepath);
  store.set('my-app', { refreshToken: 'spent' });
  const error = await rejection(scene.handler().getToken());
  assert.is(error.code, 'NETWORK');
  assert.not(error.retryable, 'later does not help');
  assert.match(error.message, 'NODE_EXTRA_CA_CERTS');
  assert.is(scene.authority.requests.length, 0);
  assert.is(scene.windows.length, 0, 'no browser');
  assert.equal(store.get('my-app'), { refreshToken: 'spent' });

  const outcome = await ask(scene, { NODE_EXTRA_CA_CERTS: writeCertificate(scene, tls.ca) });
  assert.is(outcome.code, 'SIGN_IN_REQUIRED', 'the provider was reached, and does not know that refresh token');
  assert.is(scene.authority.count('token'), 1);
});

test.run();
