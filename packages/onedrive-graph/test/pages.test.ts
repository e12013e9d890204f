import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DriveItem, GraphClient, GraphClientError, GraphError } from '../src/index.ts';
import { type OddGraph, openOddGraph } from './odd-graph.ts';
import { openPair } from './odd-pair.ts';
import { rejection } from './rejection.ts';
import { openScene } from './scene.ts';

/** A server whose pages have the number in their path as their only item, and a client of it. */
function openPages(nextLink: (page: number, graph: OddGraph) => unknown): ReturnType<typeof openPair> {
  return openPair(({ path }, response, graph) => {
    const page = Number(path.slice(1));
    response.end(JSON.stringify({ value: [page], '@odata.nextLink': nextLink(page, graph) }));
  });
}

/** Reads into `items` until the end or an error. */
async function readInto(items: unknown[], pages: AsyncIterable<unknown>): Promise<void> {
  for await (const item of pages) items.push(item);
}

test('the items of all pages come in order', async () => {
  await using scene = await openScene();
  const { value } = await scene.client().json<{ value: DriveItem[] }>('/me/drive/root/children');
  assert.ok(value.length > 2);
  const before = scene.authority.count('graph');
  const names: string[] = [];
  for await (const { name } of scene.client().pages<DriveItem>('/me/drive/root/children?$top=2')) names.push(name);
  assert.equal(
    names,
    value.map(({ name }) => name),
  );
  assert.is(scene.authority.count('graph') - before, Math.ceil(value.length / 2));
});

test('a page is asked for when its items are needed, with the headers of the first', async () => {
  await using pages = await openPages((page, { origin }) => `${origin}/${page + 1}`);
  const seen: unknown[] = [];
  for await (const item of pages.client.pages('/0', { headers: { consistencylevel: 'eventual' } })) {
    seen.push(item);
    assert.is(pages.graph.requests.length, seen.length);
    if (item === 2) break;
  }
  assert.equal(seen, [0, 1, 2]);
  assert.equal(
    pages.graph.requests.map(({ headers, authorization }) => [headers.consistencylevel, authorization]),
    Array(3).fill(['eventual', 'Bearer old']),
  );
});

for (const end of [undefined, null]) {
  test(`a next link of ${end} is the end`, async () => {
    await using pages = await openPages(() => end);
    const items: unknown[] = [];
    await readInto(items, pages.client.pages('/0'));
    assert.equal(items, [0]);
  });
}

for (const [what, next, says] of [
  ['itself', ({ origin }) => `${origin}/0`, /same @odata\.nextLink twice/],
  [
    'another host',
    ({ elsewhere }) => `${elsewhere}/1`,
    /^@odata\.nextLink: the token goes only to http:\/\/127\.0\.0\.1:\d+/,
  ],
  ['what is no URL', () => 'https://', /^@odata\.nextLink: Invalid URL$/],
  ['a host with a password', ({ origin }) => origin.replace('//', '//ada:secret@'), /^@odata\.nextLink: (?!.*secret)/],
] as const satisfies [string, (graph: OddGraph) => unknown, RegExp][]) {
  test(`a next link to ${what} is RESPONSE, after the items before it, and is not asked for`, async () => {
    await using pages = await openPages((_page, graph) => next(graph));
    const items: unknown[] = [];
    const error = await rejection(readInto(items, pages.client.pages('/0')), GraphClientError);
    assert.is(error.code, 'RESPONSE');
    assert.is(error.retryable, false);
    assert.match(error.message, says);
    assert.equal(items, [0]);
    assert.is(pages.graph.requests.length, 1);
  });
}

test('a relative next link is resolved against the page that has it', async () => {
  await using graph = await openOddGraph(({ path }, response) => {
    const next = { '/v1.0/me/0': '1?a', '/v1.0/me/1?a': '/v1.0/me/2' }[path];
    response.end(JSON.stringify({ value: [path], '@odata.nextLink': next }));
  });
  const client = new GraphClient({ getToken: async () => 'the-token', root: `${graph.origin}/v1.0` });
  const items: unknown[] = [];
  await readInto(items, client.pages('/me/0'));
  assert.equal(items, ['/v1.0/me/0', '/v1.0/me/1?a', '/v1.0/me/2']);
});

test('pages that go round in a larger circle come to an end', async () => {
  await using pages = await openPages((page, { origin }) => `${origin}/${(page + 1) % 3}`);
  const items: unknown[] = [];
  await rejection(readInto(items, pages.client.pages('/0')), GraphClientError);
  assert.equal(items, [0, 1, 2]);
});

for (const body of ['{"id":"1"}', '{"value":{}}', '[]', 'null', '"text"', '']) {
  test(`an answer of ${body || 'nothing'} is no collection: RESPONSE`, async () => {
    await using pair = await openPair((_request, response) => response.end(body));
    const error = await rejection(readInto([], pair.client.pages('/me')), GraphClientError);
    assert.is(error.code, 'RESPONSE');
    assert.match(error.message, 'not a collection');
  });
}

test('a page that fails is GraphError, after the items before it', async () => {
  await using pair = await openPair(({ path }, response, { origin }) => {
    if (path === '/1') response.writeHead(410).end();
    else response.end(JSON.stringify({ value: ['first'], '@odata.nextLink': `${origin}/1` }));
  });
  const items: unknown[] = [];
  const error = await rejection(readInto(items, pair.client.pages('/0')), GraphError);
  assert.is(error.status, 410);
  assert.equal(items, ['first']);
});

test.run();
