import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClientError, type UnfinishedUpload } from '../src/index.ts';
import { type Answer, openPair, uploadTo } from './odd-pair.ts';
import { quickenWaits } from './quick-waits.ts';
import { rejection } from './rejection.ts';

const folder = temporaryDirectory();
test.after(quickenWaits());
const file = join(folder, 'small.txt');
writeFileSync(file, 'hello');
const emptyFile = join(folder, 'empty.txt');
writeFileSync(emptyFile, '');

test('the upload’s address never gets the token or the caller’s headers, on Graph’s own origin and after a redirect', async () => {
  const moved: Answer = ({ path }, response) => {
    if (path === '/upload') response.writeHead(307, { location: '/there' }).end();
    else response.writeHead(201).end('{"id":"ID","name":"x"}');
  };
  await using odd = await openPair([uploadTo(moved)]);
  const headers = { 'x-mine': 'y', authorization: 'Basic x' };
  await odd.client.upload('/me/drive/root:/x', file, { headers });
  assert.equal(
    odd.graph.requests.map((request) => [request.path, request.authorization, request.headers['x-mine']]),
    [
      ['/me/drive/root:/x:/createUploadSession', 'Bearer old', 'y'],
      ['/upload', undefined, undefined],
      ['/there', undefined, undefined],
    ],
  );
  assert.is(odd.graph.requests[2]?.headers['content-range'], 'bytes 0-4/5');
});

for (const [what, session, code, says] of [
  [
    'that the network could read',
    { uploadUrl: 'http://example.com/secret' },
    'RESPONSE',
    /not uploading to http:\/\/example\.com: /,
  ],
  [
    'with a password',
    { uploadUrl: 'https://ada:secret@graph.example/' },
    'RESPONSE',
    /not uploading to https:\/\/graph\.example: .*password/,
  ],
  ['that is none', { uploadUrl: 'nonsense' }, 'INCOMPLETE', /no address to upload to/],
  ['that is missing', {}, 'INCOMPLETE', /no address to upload to/],
  ['in an answer of null', null, 'INCOMPLETE', /no address to upload to/],
] as const) {
  test(`an upload’s address ${what} is ${code}, and is not kept`, async () => {
    await using odd = await openPair([
      ({ method }, response) => (method === 'POST' ? response.end(JSON.stringify(session)) : assert.unreachable()),
    ]);
    const sessions = new Map<string, UnfinishedUpload>();
    const error = await rejection(odd.client.upload('/me/drive/root:/x', file, { sessions }), GraphClientError);
    assert.is(sessions.size, 0);
    assert.is(error.code, code);
    assert.match(error.message, says);
    assert.not.match(error.message, 'secret');
  });
}

for (const body of ['', '{}', '[]', 'null', '"text"', '{"id":1}']) {
  test(`an item of ${body || 'nothing'} is RESPONSE, and an upload that has begun is kept`, async () => {
    await using odd = await openPair([uploadTo((_request, response) => response.writeHead(201).end(body))]);
    for (const path of [file, emptyFile]) {
      const sessions = new Map<string, UnfinishedUpload>();
      const uploading = odd.client.requestUpload('/me/drive/root:/x', path, { sessions });
      const error = await rejection(uploading, GraphClientError);
      assert.is(error.code, 'RESPONSE');
      assert.match(error.message, 'did not answer with an item');
      assert.is(sessions.size, path === file ? 1 : 0);
    }
  });
}

for (const [ranges, isKept] of [
  ['[]', false],
  ['["0-"]', false],
  ['null', true],
] as const) {
  test(`a Graph that expects ${ranges} for ever is INCOMPLETE, and the upload is ${isKept ? 'kept' : 'not kept'}`, async () => {
    const stuck: Answer = (_request, response) => response.writeHead(202).end(`{"nextExpectedRanges":${ranges}}`);
    await using odd = await openPair([uploadTo(stuck)]);
    const sessions = new Map<string, UnfinishedUpload>();
    const uploading = odd.client.upload('/me/drive/root:/x', file, { sessions });
    assert.is((await rejection(uploading, GraphClientError)).code, 'INCOMPLETE');
    assert.is(sessions.size, isKept ? 1 : 0);
  });
}

for (const start of ['0', '5', '1000000', '99999999999999999999', '-5']) {
  test(`a Graph that expects a piece from byte ${start} of 5 is asked again`, async () => {
    let puts = 0;
    const expecting: Answer = ({ method }, response) => {
      if (method === 'GET') response.end('{"nextExpectedRanges":["0-"]}');
      else if (++puts === 1) response.writeHead(202).end(JSON.stringify({ nextExpectedRanges: [`${start}-`] }));
      else response.writeHead(201).end('{"id":"ID"}');
    };
    await using odd = await openPair([uploadTo(expecting)]);
    assert.is((await odd.client.upload('/me/drive/root:/x', file)).id, 'ID');
    assert.equal(odd.methods(), ['POST', 'PUT', 'GET', 'PUT']);
  });
}

test.run();
