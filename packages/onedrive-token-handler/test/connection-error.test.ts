import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { freePort, issueCertificate } from 'testing-authority';
import { listen } from 'testing-authority/listen';
import { Agent, type Dispatcher, errors } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import type { OneDriveTokenError } from '../src/index.ts';
import { ConnectionError } from '../src/provider/connection-error.ts';
import { proxyOf } from '../src/provider/proxy-of.ts';
import { openScene, rejection } from './scene.ts';

const day = 86_400_000;
const scene = await openScene();
const proxyVariables = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy'];
const noVariables = (): void => {
  for (const name of proxyVariables) delete process.env[name];
};
noVariables();
test.after.each(noVariables);
test.after(async () => scene[Symbol.asyncDispose]());

/** The error of a refresh at `authority`. */
async function refreshError(authority: string, dispatcher?: Dispatcher): Promise<OneDriveTokenError> {
  const store = new MemoryStore();
  store.records.set('my-app', { refreshToken: 'r' });
  await using handler = scene.handler({ store, authority, interactive: false, ...(dispatcher && { dispatcher }) });
  return await rejection(handler.getToken());
}

for (const [what, offset, code] of [
  ['ahead', -10 * day, 'CERT_HAS_EXPIRED'],
  ['behind', 10 * day, 'CERT_NOT_YET_VALID'],
] as const) {
  test(`if this machine's clock may be days ${what} of a certificate, the error says to check it`, async () => {
    const tls = issueCertificate({ at: Date.now() + offset });
    const server = createServer(tls);
    const dispatcher = new Agent({ connect: { ca: tls.ca } });
    const error = await refreshError(`https://127.0.0.1:${await listen(server)}`, dispatcher);
    await dispatcher.destroy();
    server.close();
    assert.equal([error.code, error.retryable], ['NETWORK', false]);
    assert.match(error.message, `out of date by this machine's clock (${code}). Check this machine's clock`);
  });
}

test('a dead proxy is named, and not the provider', async () => {
  const port = await freePort();
  process.env.HTTPS_PROXY = `http://ada:pa55word@127.0.0.1:${port}`;
  const error = await refreshError('https://login.example:8443/consumers');
  assert.is(
    error.message,
    `No answer from the proxy 127.0.0.1:${port} (ECONNREFUSED). Check HTTPS_PROXY, or put login.example into NO_PROXY if it can be reached without a proxy`,
  );
  assert.ok(error.retryable, 'the proxy may come back');
});

test('if the caller has a dispatcher, no proxy of the environment is named', async () => {
  process.env.HTTPS_PROXY = 'http://127.0.0.1:9';
  const dispatcher = new Agent();
  const { message } = await refreshError('https://127.0.0.1:1/consumers', dispatcher);
  await dispatcher.close();
  assert.match(message, '127.0.0.1:1 (ECONNREFUSED)');
  assert.not.match(message, '127.0.0.1:9');
});

test('an address of a proxy that cannot be read is CONFIGURATION, and is not shown', async () => {
  for (const address of ['ada:pa55word@proxy.example', 'http://ada:pa55word%@proxy.example']) {
    process.env.HTTPS_PROXY = address;
    await using handler = scene.handler();
    for (const work of [refreshError('https://login.example'), rejection(handler.fetch('https://graph.example/me'))]) {
      const error = await work;
      assert.equal([error.code, error.retryable], ['CONFIGURATION', false]);
      assert.match(error.message, /^HTTPS_PROXY or HTTP_PROXY is not the address of a proxy\. .* http:\/\/.* % %25$/);
      assert.not.match(inspect(error, { depth: 9 }), 'pa55word');
    }
  }
});

for (const [status, retryable, says, credentials = ''] of [
  [
    407,
    false,
    /^The proxy 127\.0\.0\.1:\d+ asks for a user name and a password \(HTTP 407\)\. Write the right ones into HTTPS_PROXY: http:/,
  ],
  [407, false, /^The proxy 127\.0\.0\.1:\d+ refuses the user name and password \(HTTP 407\)/, 'ada:pa55word@'],
  [403, false, /^The proxy 127\.0\.0\.1:\d+ does not connect to login\.example \(HTTP 403\)\. Check HTTPS_PROXY/],
  [503, true, /^The proxy 127\.0\.0\.1:\d+ does not connect to login\.example \(HTTP 503\)\. Check HTTPS_PROXY/],
] as const) {
  test(`a proxy that answers ${status} to '${credentials}' is named, and whether later helps`, async () => {
    const proxy = createHttpServer();
    proxy.on('connect', (_request, socket: Socket) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`));
    process.env.HTTPS_PROXY = `http://${credentials}127.0.0.1:${await listen(proxy)}`;
    const error = await refreshError('https://login.example/consumers');
    proxy.close();
    assert.match(error.message, says);
    assert.not.match(error.message, 'pa55word');
    assert.is(error.retryable, retryable);
  });
}

test('a dispatcher of undici 6 is named, which does not know the methods of a newer one', async () => {
  const dispatch = (): never => {
    throw new errors.InvalidArgumentError('invalid onError method');
  };
  const error = await refreshError(scene.authority.url, { dispatch } as unknown as Dispatcher);
  assert.match(error.message, 'The dispatcher rejected the request (invalid onError method). Make it with undici 7');
  assert.not(error.retryable);
});

test('a certificate that is not trusted may be that of a login page, and both ways to trust it are named', async () => {
  const server = createServer(issueCertificate());
  const error = await refreshError(`https://127.0.0.1:${await listen(server)}`);
  server.close();
  assert.match(error.message, /^The certificate of 127\.0\.0\.1:\d+ is not trusted \(\w+\)/);
  assert.match(error.message, /\. If this network has a login page, log in there first\. .*NODE_EXTRA_CA_CERTS/);
  assert.match(error.message, '--use-system-ca');
  assert.not(error.retryable);
});

test('a proxy that is reached by https may have sent the certificate: it is named, too', async () => {
  for (const [at, says] of [
    [Date.now(), /^The certificate of login\.example or the proxy 127\.0\.0\.1:\d+ is not trusted \(/],
    [Date.now() - 10 * day, /^The certificate of login\.example or the proxy 127\.0\.0\.1:\d+ is out of date /],
  ] as const) {
    const proxy = createServer(issueCertificate({ at }));
    process.env.HTTPS_PROXY = `https://127.0.0.1:${await listen(proxy)}`;
    const error = await refreshError('https://login.example/consumers');
    proxy.close();
    assert.match(error.message, says);
  }
});

test('a certificate for another name comes from something else, and a retry helps after the login of a captive portal', async () => {
  const tls = issueCertificate();
  const server = createServer(tls);
  const dispatcher = new Agent({ connect: { ca: tls.ca, servername: 'other.example' } });
  const error = await refreshError(`https://127.0.0.1:${await listen(server)}`, dispatcher);
  await dispatcher.destroy();
  server.close();
  assert.match(error.message, /is for another name \(\w+\)\. Something else answers in its place/);
  assert.ok(error.retryable);
});

test('without an answer, the host and the code are named, also if only the cause of the error has it', () => {
  const url = new URL('https://login.example/token');
  assert.is(ConnectionError.late(url, 1_000, undefined).problem, 'No answer from login.example within 1 s');
  const failed = new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) });
  assert.is(ConnectionError.from(url, failed, undefined).problem, 'No answer from login.example (ECONNREFUSED)');
  const proxy = { host: 'p.example', variable: 'HTTPS_PROXY', usesTls: false, hasCredentials: false };
  const lost = Object.assign(new Error(), { code: 'ECONNRESET', syscall: 'read' });
  assert.is(
    ConnectionError.from(url, lost, proxy).problem,
    'No answer from login.example through the proxy p.example (ECONNRESET)',
  );
  assert.is((ConnectionError.from(url, lost, proxy).cause as NodeJS.ErrnoException).code, 'ECONNRESET');
});

test('an authority without that endpoint is wrong, and later does not help', async () => {
  const error = await refreshError(`${scene.authority.origin}/no/such/tenant`);
  assert.equal([error.code, error.retryable], ['RESPONSE', false]);
  assert.match(error.message, /has no \/no\/such\/tenant\/oauth2\/v2\.0\/token \(HTTP 404\): the authority is wrong/);
});

for (const [env, expected, origin = 'https://login.example'] of [
  [{}, undefined],
  [{ HTTPS_PROXY: 'http://p.example:3128' }, 'p.example:3128'],
  [{ https_proxy: '', HTTPS_PROXY: 'http://p.example' }, undefined],
  [{ HTTP_PROXY: 'http://p.example' }, 'p.example'],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: '*' }, undefined],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: 'other.example, login.example' }, undefined],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: '.example' }, undefined],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: 'login.example:8443' }, 'p.example'],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: '*.login.example' }, 'p.example'],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: 'n.example' }, 'p.example'],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: 'login.example:443' }, undefined],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: '*:443' }, undefined],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: 'LOGIN.example.' }, undefined],
  [{ HTTPS_PROXY: 'http://p.example', NO_PROXY: '*login.example' }, 'p.example'],
  [{ HTTP_PROXY: 'http://p.example', NO_PROXY: '::1' }, undefined, 'http://[::1]'],
  [{ HTTP_PROXY: 'http://p.example', NO_PROXY: '[::1]:80' }, undefined, 'http://[::1]'],
  [{ HTTP_PROXY: 'http://p.example', NO_PROXY: '[::1]:81' }, 'p.example', 'http://[::1]'],
  [{ http_proxy: 'http://p.example', no_proxy: 'login.example' }, undefined],
  [{ http_proxy: 'http://p.example' }, 'p.example'],
  [{ HTTPS_PROXY: 'http://p.example' }, undefined, 'http://login.example'],
] as const) {
  test(`the proxy in ${JSON.stringify(env)} for ${origin} is ${expected}`, () => {
    assert.is(proxyOf(new URL(origin), env)?.host, expected);
  });
}

test.run();
