import { spawnSync } from 'node:child_process';
import { constants, realpathSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openFiles } from 'testing-authority/open-files';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClient, GraphError, readBody } from '../src/index.ts';
import { openPair, status } from './odd-pair.ts';
import { rejection } from './rejection.ts';

const folder = temporaryDirectory();
// Its cause is not taken for a wrong request.
const reason = new Error('the user has had enough', { cause: new TypeError('no screen') });
const countTimers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
const never = (): Promise<never> => new Promise(() => {});

test('with a signal that was aborted before, no function of the caller is called', async () => {
  const calls: string[] = [];
  const called = (name: string) => (): never => {
    calls.push(name);
    throw new Error(`${name} was called`);
  };
  const client = new GraphClient({ getToken: called('getToken'), fetch: called('fetch'), onWait: called('onWait') });
  const signal = AbortSignal.abort(reason);
  const source = join(folder, 'source');
  writeFileSync(source, 'hello');
  const transfer = { signal, onProgress: called('onProgress') };
  const options = { ...transfer, sessions: { get: called('get'), set: called('set'), delete: called('delete') } };
  const outcomes = [
    client.request('/me', { signal }),
    client.json('/me', { signal }),
    client.pages('/me', { signal }).next(),
    client.download('/me', join(folder, 'copy'), transfer),
    client.upload('/me', source, options),
    client.requestUpload('/me', source, options),
  ].map((call) => rejection(call, Error));
  for (const outcome of outcomes) assert.is(await outcome, reason);
  assert.equal(calls, []);
});

for (const [what, options] of [
  ['getToken', { getToken: never }],
  ['fetch', { getToken: async (): Promise<string> => 'the-token', fetch: never }],
] as const) {
  test(`a ${what} that does not obey its signal does not hold the call`, async () => {
    const controller = new AbortController();
    const before = countTimers();
    const call = rejection(new GraphClient(options).request('/me', { signal: controller.signal }), Error);
    setImmediate(() => controller.abort(reason));
    assert.is(await call, reason);
    // A timer that is left keeps the process alive.
    await until(() => countTimers() <= before);
  });
}

test('an abort ends the request that was sent', async () => {
  const controller = new AbortController();
  const gone = Promise.withResolvers<void>();
  await using pair = await openPair([(_request, response) => void response.on('close', gone.resolve)]);
  const call = rejection(pair.client.request('/me', { signal: controller.signal }), Error);
  await until(() => pair.graph.requests.length === 1);
  controller.abort(reason);
  assert.is(await call, reason);
  await within('the call', gone.promise);
});

test('while the body of an error does not end, an abort rejects with its reason', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  await using pair = await openPair([(_request, response) => void response.writeHead(400).write('{"error":')]);
  const calls = [
    pair.client.json('/me', { signal }),
    // Only `from` has the signal.
    pair.client.request('/me').then((response) => GraphError.from(response, signal)),
  ].map((call) => rejection(call, Error));
  await until(() => pair.graph.requests.length === 2);
  setTimeout(() => controller.abort(reason), 100);
  for (const call of calls) assert.is(await call, reason);
});

test('with a signal that was aborted before, no body is read', async () => {
  const reading = readBody(new Response('hello'), AbortSignal.abort(reason)).next();
  assert.is(await rejection(reading, Error), reason);
});

if (process.platform !== 'win32') {
  test('a download to a pipe whose reader does not read can be aborted', async () => {
    const pipe = join(folder, 'full-pipe');
    assert.is(spawnSync('mkfifo', [pipe]).status, 0);
    await using _reader = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    await using pair = await openPair((_request, response) => response.end(Buffer.alloc(2 ** 20)));
    const controller = new AbortController();
    const call = rejection(pair.client.download('/me', pipe, { signal: controller.signal }), Error);
    setTimeout(() => controller.abort(reason), 300);
    assert.is(await call, reason);
  });

  test('a download to a pipe that has no reader can be aborted', async () => {
    const pipe = join(folder, 'pipe');
    assert.is(spawnSync('mkfifo', [pipe]).status, 0);
    const controller = new AbortController();
    await using pair = await openPair([status(200)]);
    const call = rejection(pair.client.download('/me', pipe, { signal: controller.signal }), Error);
    await until(() => pair.graph.requests.length === 1);
    setTimeout(() => controller.abort(reason), 100);
    assert.is(await call, reason);
    assert.not(openFiles().includes(realpathSync(pipe)));
  });
} else console.log('skipped: Windows has no pipes in folders');

test.run();
