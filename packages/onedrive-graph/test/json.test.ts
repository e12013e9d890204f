import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClient, GraphError } from '../src/index.ts';
import { openOddGraph } from './odd-graph.ts';
import { openPair } from './odd-pair.ts';
import { rejection } from './rejection.ts';
import { openScene } from './scene.ts';

const { authority, client, ...scene } = await openScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

/** The outcome of `json`, with a server that gives that answer. */
async function answered(status: number, headers: Record<string, string>, body = ''): Promise<unknown> {
  await using graph = await openOddGraph((_request, response) => void response.writeHead(status, headers).end(body));
  return await new GraphClient({ getToken: async () => 'the-token', root: graph.origin }).json('/me');
}

test('an answer of any length is parsed', async () => {
  const long = { value: '€'.repeat(100_000) };
  assert.equal(await answered(200, {}, JSON.stringify(long)), long);
});

test('no answer at all is undefined: 204 of a DELETE, 202 of a copy', async () => {
  const graph = client();
  await graph.request('/me/drive/root:/gone.txt:/content', { method: 'PUT', body: 'x' });
  assert.is(await graph.json('/me/drive/root:/gone.txt', { method: 'DELETE' }), undefined);
  // The address of what is made is no redirect.
  assert.is(await answered(202, { location: 'https://graph.example/' }), undefined);
});

test('an empty 200 is undefined after an action, which may have nothing to say; a GET asked for JSON', async () => {
  const error = await rejection(answered(200, { 'content-type': 'application/json' }), GraphError);
  assert.equal([error.code, /: it is empty;/.test(error.message)], ['notGraph', true], error.message);
  await using pair = await openPair((_request, response) => response.end());
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    assert.is(await pair.client.json('/me', { method }), undefined);
});

test('a text is sent as JSON, unless the caller names another type', async () => {
  await using pair = await openPair((_request, response) => response.end('{}'));
  await pair.client.json('/me', { method: 'PATCH', body: '{}' });
  await pair.client.json('/me', { method: 'PUT', body: 'x', headers: { 'content-type': 'text/plain', accept: 'a/b' } });
  await pair.client.json('/me', { method: 'PUT', body: new URLSearchParams({ a: 'b' }) });
  await pair.client.json('/me');
  assert.equal(
    pair.graph.requests.map(({ headers }) => [headers['content-type'], headers.accept]),
    [
      ['application/json', 'application/json'],
      ['text/plain', 'a/b'],
      ['application/x-www-form-urlencoded;charset=UTF-8', 'application/json'],
      [undefined, 'application/json'],
    ],
  );
});

test('an error of Graph has its status, code and request id', async () => {
  const error = await rejection(client().json('/me/drive/root:/no/such/file'), GraphError);
  assert.equal([error.name, error.status, error.code], ['GraphError', 404, 'itemNotFound']);
  assert.match(error.requestId ?? '', /^[0-9a-f-]{36}$/);
  assert.is(error.retryable, false);
  assert.not('retryAfter' in error);
  assert.match(error.message, /^Graph refused: .*\. \(HTTP 404, itemNotFound, request-id [0-9a-f-]{36}\)$/);
});

for (const [status, retryable] of [
  [400, false],
  [401, false],
  [403, false],
  [404, false],
  [409, false],
  [429, true],
  [500, true],
  [501, false],
  [503, true],
  [505, false],
  [507, false],
] as const) {
  test(`an error with HTTP ${status} is ${retryable ? '' : 'not '}retryable`, async () => {
    authority.fail('graph', { type: 'status', status, retryAfter: '3600' }, { times: 2 });
    const error = await rejection(client().json('/me'), GraphError);
    assert.is(error.status, status);
    assert.is(error.retryable, retryable);
    assert.is(error.retryAfter, 3_600_000);
    assert.match(error.message, /\)$/);
  });
}

for (const [what, headers, body] of [
  ['HTML', { 'content-type': 'text/html' }, '<html>lost</html>'],
  ['nothing', {}, ''],
  ['null', {}, 'null'],
  ['an error that is a text', {}, '{"error":"wrong"}'],
  ['an empty message', {}, '{"error":{"message":""}}'],
  ['fields of other types', {}, '{"error":{"code":1,"message":[],"innerError":{"request-id":2}}}'],
] as const) {
  test(`an error whose body is ${what} is reduced to its status`, async () => {
    const error = await rejection(answered(404, headers, body), GraphError);
    assert.is(error.message, 'Graph refused: Not Found. (HTTP 404)');
    assert.is(error.status, 404);
    assert.not('code' in error);
    assert.not('requestId' in error);
  });
}

for (const name of ['innerError', 'innererror']) {
  test(`without a header, the request id is that of ${name}`, async () => {
    const error = { code: 'a', message: 'b', [name]: { 'request-id': 'the-id' } };
    assert.is((await rejection(answered(400, {}, JSON.stringify({ error })), GraphError)).requestId, 'the-id');
  });
}

for (const [what, length, code] of [
  ['64 KiB', 65_536, 'a'],
  ['more than 64 KiB', 65_537, undefined],
] as const) {
  test(`of the body of an error that has ${what}, 64 KiB are read, and no more is waited for`, async () => {
    const closed = Promise.withResolvers<void>();
    await using pair = await openPair((_request, response) => {
      response.on('close', closed.resolve);
      response.writeHead(404).write(`{"error":{"code":"a","message":"${'x'.repeat(length - 35)}"}}`);
    });
    assert.is((await rejection(pair.client.json('/me'), GraphError)).code, code);
    await within('the call', closed.promise);
  });
}

test('the message of an error has no control characters', async () => {
  const body = JSON.stringify({ error: { code: 'a\tb', message: 'one\r\n\u001b[31mtwo\u009b' } });
  const error = await rejection(answered(404, {}, body), GraphError);
  assert.is(error.message, 'Graph refused: one [31mtwo . (HTTP 404, a b)');
});

test('an error whose body breaks off is reduced to its status', async () => {
  await using pair = await openPair((_request, response) => {
    response.writeHead(404, { 'content-length': 50, 'request-id': 'the-id' });
    response.write('{"error":', () => setImmediate(() => response.destroy()));
  });
  const error = await rejection(pair.client.json('/me'), GraphError);
  assert.is(error.status, 404);
  assert.is(error.requestId, 'the-id');
});

for (const body of ['<html>sign in to the Wi-Fi</html>', '{"a":', 'null null']) {
  test(`an answer of ${body} is notGraph, and is not quoted`, async () => {
    const error = await rejection(answered(200, { 'content-type': 'text/html; x' }, body), GraphError);
    assert.equal([error.code, error.status, error.retryable], ['notGraph', 200, false]);
    assert.match(error.message, "this answer is not Graph's: it is text/html; look for a captive portal");
    assert.is(error.cause, undefined);
  });
}

test('an answer without a type that is no JSON is notGraph as well', async () => {
  assert.match((await rejection(answered(200, {}, 'x'), GraphError)).message, 'it is something else;');
});

test.run();
