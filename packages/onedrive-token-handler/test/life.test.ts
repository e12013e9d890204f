import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { approveDevice, signInElsewhere } from 'testing-authority';
import { listen } from 'testing-authority/listen';
import { until } from 'testing-authority/until';
import { openTokenStore } from 'token-store-sqlite';
import * as undici from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { createFetcher } from '../src/index.ts';
import { failure, openScene, rejection } from './scene.ts';

test('close() ends a running sign-in: its calls reject with CLOSED, and so does every later call', async () => {
  await using scene = await openScene();
  const handler = scene.handler({ openBrowser: () => {} });
  const [one, two] = [rejection(handler.getToken()), rejection(handler.signIn())];
  await scene.until(({ type }) => type === 'authorization-url');
  await Promise.all([handler.close(), handler.close()]);
  assert.is((await one).code, 'CLOSED');
  assert.is((await one).message, 'The handler was closed. Create a new handler');
  assert.is((await two).code, 'CLOSED');
  for (const call of [
    handler.getToken(),
    handler.status(),
    handler.signOut(),
    handler.signIn(),
    handler.fetch('http://127.0.0.1'),
    handler.ensureWritable(),
  ]) {
    assert.is((await rejection(call)).code, 'CLOSED');
  }
});

for (const method of ['device', 'paste'] as const) {
  test(`if close() is called while the code of a sign-in by ${method} is redeemed, the token is stored, and no caller gets it`, async () => {
    await using scene = await openScene({ deviceInterval: 1 });
    const handler = scene.handler();
    scene.authority.fail('token', { type: 'slow', ms: 500 });
    const call = rejection(
      handler.signIn({
        method,
        onDeviceCode: ({ verificationUri, userCode }) => approveDevice(verificationUri, userCode),
        readRedirectUrl: signInElsewhere,
      }),
    );
    await until(() => scene.authority.count('token') === 1);
    await handler.close();
    assert.is((await call).code, 'CLOSED');
    assert.is((await rejection(handler.getToken())).code, 'CLOSED');
    await scene.handler({ interactive: false }).getToken();
  });
}

test('close() ends a request for a device code at once', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  scene.authority.fail('devicecode', { type: 'hang' });
  const call = rejection(handler.signIn({ method: 'device', onDeviceCode: () => {} }));
  await until(() => scene.authority.count('devicecode') === 1);
  const started = performance.now();
  await handler.close();
  assert.ok(performance.now() - started < 2_000, 'less than requestTimeout');
  assert.is((await call).code, 'CLOSED');
});

test("close() ends a running fetch() with CLOSED, and leaves the caller's dispatcher open", async () => {
  await using scene = await openScene();
  const dispatcher = new undici.Agent();
  const handler = scene.handler({ dispatcher });
  scene.authority.fail('graph', { type: 'hang' });
  const call = rejection(handler.fetch(`${scene.authority.graphUrl}/me`));
  await until(() => scene.authority.count('graph') === 1);
  await handler.close();
  assert.is((await call).code, 'CLOSED');
  assert.not(dispatcher.destroyed);
  await dispatcher.close();
});

test('a fetch() that is not sent yet when the handler closes is never sent', async () => {
  await using scene = await openScene();
  for (const warm of [false, true]) {
    const handler = scene.handler();
    if (warm) await handler.signIn();
    const call = rejection(handler.fetch(`${scene.authority.graphUrl}/me`));
    await handler.close();
    assert.is((await call).code, 'CLOSED');
  }
  assert.is(scene.authority.count('graph'), 0);
});

test('a fetch() that is aborted rejects with the reason, also if that is an error of a store', async () => {
  await using scene = await openScene();
  scene.authority.fail('graph', { type: 'hang' });
  const abort = new AbortController();
  const call = failure(scene.handler().fetch(`${scene.authority.graphUrl}/me`, { signal: abort.signal }));
  await until(() => scene.authority.count('graph') === 1);
  const reason = Object.assign(new Error('enough'), { code: 'STORE_FULL' });
  abort.abort(reason);
  assert.is(await call, reason);
});

test('createFetcher() fetches without a sign-in, and explains what fails until it is closed', async () => {
  await using scene = await openScene();
  const fetcher = createFetcher();
  assert.is((await fetcher.fetch(`${scene.authority.graphUrl}/me`)).status, 401);
  // A port that fetch allows, and nothing listens on.
  const { code, message } = await rejection(fetcher.fetch('http://127.0.0.1:3'));
  assert.is(code, 'NETWORK');
  assert.match(message, /^No answer from 127\.0\.0\.1:3 \(ECONNREFUSED\)/);
  assert.match(
    (await rejection(fetcher.fetch('http://127.0.0.1:1'))).message,
    /^No answer from 127.0.0.1:1 \(bad port\)/,
  );
  await fetcher.close();
  assert.is((await rejection(fetcher.fetch(`${scene.authority.graphUrl}/me`))).code, 'NETWORK');
});

test('a POST that was answered with a redirect to nobody is not sent again, but a GET is', async () => {
  let count = 0;
  await using server = createServer((_request, response) => {
    count++;
    response.writeHead(303, { location: 'http://127.0.0.1:3/' }).end();
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  for (const [method, expected] of [
    ['POST', 1],
    ['GET', 2],
  ] as const) {
    const fetcher = createFetcher();
    count = 0;
    assert.is((await rejection(fetcher.fetch(url, { method }))).code, 'NETWORK');
    assert.is(count, expected, method);
    await fetcher.close();
  }
});

test("fetch() sends a FormData as a form, be it Node's or undici's", async () => {
  await using server = createServer((request, response) => {
    response.setHeader('content-type', request.headers['content-type'] ?? '');
    request.pipe(response);
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  const fetcher = createFetcher();
  for (const body of [new FormData(), new undici.FormData() as unknown as FormData]) {
    body.set('a', 'b');
    const answer = await fetcher.fetch(url, { method: 'POST', body });
    assert.is((await answer.formData()).get('a'), 'b');
  }
  await fetcher.close();
});

test('a fetch() whose options exclude each other is a TypeError', async () => {
  await using scene = await openScene();
  const error = await failure(scene.handler().fetch(scene.authority.graphUrl, { method: 'GET', body: 'x' }));
  assert.instance(error, TypeError);
});

test('a sign-in with an aborted signal makes no file and no event', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  const error = await failure(handler.signIn({ signal: AbortSignal.abort(new Error('before')) }));
  assert.is(error.message, 'before');
  await handler.close();
  assert.equal(readdirSync(scene.folder), []);
  assert.equal(scene.events, []);
});

test("close() does not close the caller's store", async () => {
  await using scene = await openScene();
  using store = openTokenStore(scene.dbFilepath);
  const handler = scene.handler({ store });
  await handler.getToken();
  await handler.close();
  assert.equal(store.list(), ['my-app']);
});

test('a program that has its token ends by itself, without close()', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
  const program = `
    import { OneDriveTokenHandler } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    console.log(await handler.getToken());`;
  const child = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()]);
  assert.is(child.status, 0);
  assert.is(child.stderr, '');
  assert.ok(child.stdout.trim());
  assert.ok(child.milliseconds < 5_000, `${child.milliseconds} ms`);
});

test('close() waits for a sign-out that is under way', async () => {
  await using scene = await openScene();
  for (const warm of [false, true]) {
    await scene.signedIn();
    const handler = scene.handler();
    if (warm) await handler.status();
    const signedOut = handler.signOut();
    await handler.close();
    await signedOut;
    assert.not((await scene.handler().status()).signedIn);
  }
});

test('close() waits for a sign-out of a store that is slow', async () => {
  await using scene = await openScene();
  const { promise: answer, resolve } = Promise.withResolvers<boolean>();
  const store = Object.assign(new MemoryStore(), { delete: () => answer });
  const handler = scene.handler({ store });
  const ends: string[] = [];
  const ending = [
    handler.signOut().then(() => ends.push('signed out')),
    handler.close().then(() => ends.push('closed')),
  ];
  setTimeout(resolve, 100, true);
  await Promise.all(ending);
  assert.equal(ends, ['signed out', 'closed']);
});

test('close() waits no longer than requestTimeout for a sign-out, if the store never answers', async () => {
  await using scene = await openScene();
  const store = Object.assign(new MemoryStore(), { delete: () => Promise.withResolvers<boolean>().promise });
  const handler = scene.handler({ store, requestTimeout: 200 });
  void handler.signOut();
  const started = performance.now();
  await handler.close();
  assert.ok(performance.now() - started < 10_000);
});

test.run();
