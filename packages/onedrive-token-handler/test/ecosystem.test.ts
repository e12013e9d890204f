import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createPipelineRequest,
} from '@azure/core-rest-pipeline';
import { issueCertificate, signInAs } from 'testing-authority';
import { Agent, ProxyAgent } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from './memory-store.ts';
import { openScene, rejection, type Scene } from './scene.ts';
import { startProxy } from './start-proxy.ts';

const script = fileURLToPath(new URL('./get-token-process.ts', import.meta.url));
const graphScript = fileURLToPath(new URL('./graph-sdk-process.ts', import.meta.url));

test('the Microsoft Graph SDK takes the handler as its AuthenticationProvider, and reads the drive', async () => {
  const tls = issueCertificate();
  await using scene = await openScene({ tls });
  const dispatcher = trusting(tls.ca);
  await scene.signedIn({ dispatcher, openBrowser: (url) => signInAs(url, { ca: tls.ca }) });
  const { origin } = scene.authority;
  const env = { NODE_EXTRA_CA_CERTS: writeCertificate(scene, tls.ca) };
  const { stdout, stderr } = await scene.run([graphScript, scene.optionsFor(), origin], env);
  assert.is(stdout.trim(), 'personal', stderr);
});

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

for (const secure of [true, false]) {
  const tls = secure ? issueCertificate() : undefined;
  const { name, route } = secure ? { name: 'https', route: 'CONNECT' } : { name: 'http', route: 'POST' };
  test(`requests over ${name} use the proxy in the environment, except to the hosts in NO_PROXY`, async () => {
    await using scene = await openScene(tls && { tls });
    const dispatcher = trusting(tls?.ca);
    await scene.signedIn({ dispatcher, openBrowser: (url) => signInAs(url, tls && { ca: tls.ca }) });
    await using proxy = await startProxy();
    const trust = tls ? { NODE_EXTRA_CA_CERTS: writeCertificate(scene, tls.ca) } : {};
    for (const [noProxy, seen] of [
      ['', [route]],
      ['127.0.0.1', []],
    ] as const) {
      proxy.seen.length = 0;
      await scene.tokenExpires();
      const env = { ...trust, HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: noProxy };
      const outcome = await ask(scene, env);
      assert.ok(outcome.token, JSON.stringify(outcome));
      assert.equal(proxy.seen, seen);
    }
  });
}

test('a proxy variable that is not a URL is the error CONFIGURATION, which does not show the password', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const program = `
    import { inspect } from 'node:util';
    import { OneDriveTokenHandler } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    const error = await handler.getToken().catch((reason) => reason);
    await handler.close();
    console.log(JSON.stringify({ code: error.code, text: inspect(error, { depth: 20, showHidden: true }) }));`;
  for (const HTTP_PROXY of ['proxy.example:8080', 'ada:pa55word@proxy.example:8080']) {
    const { status, stdout, stderr } = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()], {
      HTTP_PROXY,
      HTTPS_PROXY: '',
      NO_PROXY: '',
    });
    assert.is(status, 0, stderr);
    const { code, text } = JSON.parse(stdout);
    assert.is(code, 'CONFIGURATION', text);
    assert.match(text, 'HTTP_PROXY');
    assert.not.match(text + stderr, 'pa55word');
  }
});

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

/** A dispatcher that trusts this certificate. */
function trusting(ca: string | undefined): Agent {
  return new Agent({ connect: ca === undefined ? {} : { ca } });
}

function writeCertificate({ folder }: Scene, certificate: string): string {
  const file = join(folder, 'ca.pem');
  writeFileSync(file, certificate);
  return file;
}

async function ask(scene: Scene, env: NodeJS.ProcessEnv): Promise<{ token?: string; code?: string }> {
  const { stdout, stderr } = await scene.run([script, scene.optionsFor()], env);
  assert.ok(stdout, stderr);
  return JSON.parse(stdout);
}

test.run();
