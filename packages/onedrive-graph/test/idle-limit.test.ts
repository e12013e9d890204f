import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClient, GraphClientError, type GraphClientOptions, type GraphWait, readBody } from '../src/index.ts';
import { openOddGraph } from './odd-graph.ts';
import { type Answer, uploadTo } from './odd-pair.ts';
import { quickenWaits } from './quick-waits.ts';
import { rejection } from './rejection.ts';

const idleTimeout = 300;
/** For what has to be answered in time, also on a busy machine. */
const transferTimeout = 1_500;
const folder = temporaryDirectory();
test.after(quickenWaits());

function openClient(root: string, options: Partial<GraphClientOptions> = {}): GraphClient {
  return new GraphClient({ root, getToken: async () => 'the-token', idleTimeout, ...options });
}

test('a server that accepts and never answers is CONNECTION, with its host and the limit', async () => {
  await using silent = await openOddGraph(() => {});
  const { host } = new URL(silent.origin);
  const error = await rejection(openClient(silent.origin).json('/me'), GraphClientError);
  assert.equal([error.code, error.retryable], ['CONNECTION', true]);
  assert.is(error.message, `no answer from ${host} within 0.3 s`);
});

test('the signal of the fetch aborts then, and one that does not obey it is not waited for', async () => {
  let given: AbortSignal | null | undefined;
  const client = openClient('http://127.0.0.1', {
    fetch: (_url, { signal }) => {
      given = signal;
      return new Promise(() => {});
    },
  });
  assert.is((await rejection(client.request('/me'), GraphClientError)).code, 'CONNECTION');
  assert.ok(given?.aborted);
});

test('a body that stalls is CONNECTION, whichever way it is read', async () => {
  await using stalling = await openOddGraph((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"value":[');
  });
  const client = openClient(stalling.origin);
  const read = async (): Promise<void> => {
    for await (const _chunk of readBody(await client.request('/me')));
  };
  const list = async (): Promise<void> => {
    for await (const _item of client.pages('/items'));
  };
  writeFileSync(join(folder, 'empty'), '');
  const upload = client.upload('/me/drive/root:/empty', join(folder, 'empty'));
  const works = [read(), list(), client.json('/me'), client.download('/file', join(folder, 'stalled')), upload];
  for (const error of await Promise.all(works.map((work) => rejection(work, GraphClientError)))) {
    assert.match(error.message, /^no answer from 127\.0\.0\.1:\d+ within 0\.3 s( after 10 bytes)?$/);
  }
});

test('a slow body whose bytes keep coming is read to its end', async () => {
  let left = 10;
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (left-- > 0) controller.enqueue(new Uint8Array(1));
      else controller.close();
    },
  });
  const client = openClient('http://127.0.0.1', { idleTimeout: 150, fetch: async () => new Response(body) });
  let bytes = 0;
  for await (const chunk of readBody(await client.request('/slow'))) bytes += chunk.length;
  assert.is(bytes, 10);
});

test('a download that stalls goes on with a new connection', async () => {
  const ranges: (string | undefined)[] = [];
  await using graph = await openOddGraph(({ headers }, response) => {
    ranges.push(headers.range);
    if (ranges.length === 1) {
      response.writeHead(200, { etag: '"v1"', 'content-length': 10 }).write('hello');
    } else {
      response.writeHead(206, { etag: '"v1"', 'content-range': 'bytes 5-9/10', 'content-length': 5 }).end('world');
    }
  });
  const waits: GraphWait[] = [];
  const file = join(folder, 'copy');
  const client = openClient(graph.origin, { idleTimeout: transferTimeout, onWait: (wait) => waits.push(wait) });
  assert.equal(await within('the call', client.download('/file', file)), { bytes: 10 });
  assert.is(readFileSync(file, 'utf8'), 'helloworld');
  assert.equal(ranges.slice(0, 2), [undefined, 'bytes=5-']);
  assert.match(waits[0]?.reason ?? '', /^no answer from 127\.0\.0\.1:\d+ within 1\.5 s$/);
});

test('an upload piece without an answer is sent again, in smaller pieces', async () => {
  const ranges: string[] = [];
  const size = 11 * 1024 * 1024;
  let done = 0;
  await using graph = await openOddGraph(({ method, headers }, response, { origin }) => {
    if (method === 'POST') {
      return response.end(JSON.stringify({ uploadUrl: `${origin}/up`, expirationDateTime: '2999-01-01' }));
    }
    if (method === 'PUT') {
      const range = String(headers['content-range']);
      ranges.push(range);
      if (ranges.length === 1) return;
      done = Number(/-(\d+)/.exec(range)?.[1]) + 1;
      if (done === size) return response.writeHead(201).end('{"id":"1","name":"big"}');
      response.writeHead(202);
    }
    return response.end(JSON.stringify({ nextExpectedRanges: [`${done}-`] }));
  });
  const file = join(folder, 'big');
  writeFileSync(file, Buffer.alloc(size));
  const waits: GraphWait[] = [];
  const client = openClient(graph.origin, { idleTimeout: transferTimeout, onWait: (wait) => waits.push(wait) });
  assert.is((await within('the call', client.upload('/me/drive/root:/big', file))).id, '1');
  // On a busy machine a large piece may not even have arrived in time.
  const [first = 0, second = 0] = ranges.map((range) => Number(/^bytes 0-(\d+)\//.exec(range)?.[1]) + 1);
  const unit = 320 * 1024;
  assert.ok([32 * unit, 8 * unit].includes(first), `${first} bytes`);
  assert.ok([4, 16].includes(first / second), `${first} and then ${second} bytes`);
  assert.match(waits[0]?.reason ?? '', /^no answer from 127\.0\.0\.1:\d+ within 1\.5 s$/);
});

test('the answer to the last piece may take four times as long, because Graph puts the file together', async () => {
  const told = new Error('told');
  const reasons: string[] = [];
  const client = openClient('http://127.0.0.1', {
    idleTimeout: 40,
    async fetch(_url, { method }) {
      if (method === 'PUT') return new Promise(() => {});
      return Response.json({ uploadUrl: 'https://graph.example/up', expirationDateTime: '2999-01-01' });
    },
    onWait({ reason }) {
      reasons.push(reason);
      throw told;
    },
  });
  const file = join(folder, 'small');
  writeFileSync(file, 'hello');
  assert.is(await rejection(client.upload('/me/drive/root:/small', file), Error), told);
  assert.equal(reasons, ['no answer from graph.example within 0.16 s']);
});

test('if the answer to the last piece stalls, its connection is released', async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const stalls: Answer = (_request, response) => {
    response.once('close', resolve);
    response.writeHead(201, { 'content-type': 'application/json' }).write('{"id":');
  };
  await using graph = await openOddGraph(uploadTo(stalls));
  const file = join(folder, 'stalled.txt');
  writeFileSync(file, 'hello');
  const uploading = openClient(graph.origin).upload('/me/drive/root:/x', file);
  assert.is((await rejection(uploading, GraphClientError)).code, 'CONNECTION');
  await within('the call', closed);
});

test('with the longest idleTimeout, the answer to the last piece is waited for', async () => {
  const waits: GraphWait[] = [];
  const client = openClient('http://127.0.0.1', {
    idleTimeout: 2 ** 31 - 1,
    async fetch(_url, { method }) {
      if (method === 'POST') return Response.json({ uploadUrl: 'https://graph.example/up' });
      await new Promise((resolve) => setTimeout(resolve, 100));
      return Response.json(method === 'PUT' ? { id: '1' } : { nextExpectedRanges: ['0-'] });
    },
    onWait: (wait) => waits.push(wait),
  });
  const file = join(folder, 'patient');
  writeFileSync(file, 'hello');
  await client.upload('/me/drive/root:/patient', file);
  assert.equal(waits, []);
});

test('idleTimeout must be a number of milliseconds above 0', () => {
  for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
    assert.throws(() => openClient('http://127.0.0.1', { idleTimeout: wrong }), /^RangeError: idleTimeout|idleTimeout/);
  }
  for (const idleTimeout of [1, 2 ** 31 - 1]) openClient('http://127.0.0.1', { idleTimeout });
  assert.throws(() => openClient('http://127.0.0.1', { idleTimeout: '5' as unknown as number }), /idleTimeout/);
});

test.run();
