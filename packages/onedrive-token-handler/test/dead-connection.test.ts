import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:net';
import { issueCertificate } from 'testing-authority';
import { listen } from 'testing-authority/listen';
import { until } from 'testing-authority/until';
import { Agent, Dispatcher } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { HttpClient } from '../src/provider/http-client.ts';
import { writeCertificate } from './proxied.ts';
import { failure, openScene, rejection } from './scene.ts';

test('a dead connection is not used again, even if the provider speaks HTTP/2', async () => {
  await using scene = await openScene();
  const tls = issueCertificate();
  // The first request gets no answer and its connection stays open, as if the computer had moved to another network.
  const connections: unknown[] = [];
  const server = createSecureServer({ key: tls.key, cert: tls.cert, allowHTTP1: true }, (request, response) => {
    connections.push(request.stream?.session ?? request.socket);
    const answer = { access_token: 'a', token_type: 'Bearer', expires_in: 3600 };
    if (connections.length > 1) response.end(JSON.stringify(answer));
  });
  const options = scene.optionsFor({ authority: `https://127.0.0.1:${await listen(server)}`, requestTimeout: 1_000 });
  const program = `
    import { OneDriveTokenHandler } from 'onedrive-token-handler';
    import { openTokenStore } from 'token-store-sqlite';
    const options = ${options};
    const store = openTokenStore(options.dbFilepath);
    store.set('my-app', { refreshToken: 'r' });
    store.close();
    const handler = new OneDriveTokenHandler(options);
    for (let call = 0; call < 2; call++) await handler.getToken().then(console.log, (error) => console.log(error.code));
    await handler.close();`;
  const env = { NODE_EXTRA_CA_CERTS: writeCertificate(scene, tls.ca) };
  const { stdout, stderr } = await scene.run(['--input-type=module', '-e', program], env);
  server.close();
  assert.is(stdout, 'NETWORK\na\n', stderr);
  assert.is(new Set(connections).size, 2);
});

test('after a request to a proxy that never answers has timed out, the process can end', async () => {
  await using scene = await openScene();
  const proxy = createServer();
  const options = scene.optionsFor({ authority: 'https://login.example', requestTimeout: 500 });
  const program = `
    import { OneDriveTokenHandler } from 'onedrive-token-handler';
    const record = { refreshToken: 'r' };
    const store = { get: () => record, set() {}, replace: () => true, delete: () => true, list: () => [],
      exclusively: (name, task) => task({ signal: new AbortController().signal }) };
    const handler = new OneDriveTokenHandler({ ...${options}, dbFilepath: undefined, store });
    await handler.getToken().catch((error) => console.log(error.code));`;
  const env = { HTTPS_PROXY: `http://127.0.0.1:${await listen(proxy)}`, NO_PROXY: '' };
  const { status, stdout, stderr } = await scene.run(['--input-type=module', '-e', program], env);
  proxy.close();
  assert.is(stdout, 'NETWORK\n', stderr);
  assert.is(status, 0, 'it ended by itself');
});

test('a request that is not ended in time, because its client is deaf or loads too slowly, is a network failure', async () => {
  class Deaf extends Dispatcher {
    override dispatch = (): boolean => true;
  }
  await using scene = await openScene();
  const store = new MemoryStore();
  store.records.set('my-app', { refreshToken: 'r' });
  const handler = scene.handler({ store, dispatcher: new Deaf(), requestTimeout: 100 });
  const error = await rejection(handler.getToken());
  assert.equal([error.code, error.retryable], ['NETWORK', true]);
  assert.match(error.message, / within 0\.1 s/);
  const failed = scene.events.find((event) => event.type === 'refresh-failed');
  assert.is(failed?.error.code, 'NETWORK');
  // What aborts a call is its reason, also if that looks the same.
  const signal = AbortSignal.timeout(50);
  assert.is(await failure(handler.getToken({ signal })), signal.reason);
});

test('an answer that comes after the deadline, because the dispatcher is deaf, is stored: the old token may be spent', async () => {
  class Deaf extends Agent {
    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      const onRequestStart: Dispatcher.DispatchHandler['onRequestStart'] = (controller, context) =>
        handler.onRequestStart?.(Object.create(controller, { abort: { value: () => {} } }), context);
      return super.dispatch(options, Object.create(handler, { onRequestStart: { value: onRequestStart } }));
    }
  }
  await using scene = await openScene();
  const asked = Promise.withResolvers<ServerResponse>();
  const server = createHttpServer((_request, response) => asked.resolve(response)).unref();
  const authority = `http://127.0.0.1:${await listen(server)}`;
  const store = new MemoryStore();
  store.records.set('my-app', { refreshToken: 'spent' });
  const dispatcher = new Deaf();
  const handler = scene.handler({ store, authority, dispatcher, requestTimeout: 100 });
  assert.is((await rejection(handler.getToken())).code, 'NETWORK');
  const answer = { access_token: 'a', refresh_token: 'next', token_type: 'Bearer', expires_in: 3600 };
  (await asked.promise).end(JSON.stringify(answer));
  await until(() => store.records.get('my-app')?.refreshToken === 'next').finally(() => server.close());
});

for (const [way, dispatcher] of [
  ["Node's client", undefined],
  ['undici', new Agent()],
] as const) {
  test(`a request that is not sent yet when its client closes is never sent, by ${way}`, async () => {
    await using scene = await openScene();
    const http = new HttpClient(dispatcher);
    const post = () =>
      rejection(
        http.postForm(new URL(`${scene.authority.url}/oauth2/v2.0/token`), new URLSearchParams(), { timeout: 5_000 }),
      );
    const call = post();
    await http.close();
    assert.is((await call).code, 'NETWORK');
    assert.is((await post()).code, 'NETWORK');
    assert.is(scene.authority.count('token'), 0);
  });
}

test.run();
