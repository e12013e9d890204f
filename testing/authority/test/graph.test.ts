import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startAuthority } from '../src/index.ts';
import { App } from './app.ts';

const authority = await startAuthority();
const app = new App(authority);
const { json: ada } = await app.signIn({}, { username: 'ada.lovelace@example.com' });
const token: string = ada.access_token;
const kilobyte = 1024;
test.after(() => authority.close());

test('without a token, or with one that this provider did not issue, the answer is 401', async () => {
  for (const [wrong, message] of [
    [undefined, 'Access token is empty.'],
    ['EwB4A8l6BAAU', 'Access token has expired or is not yet valid.'],
    [ada.refresh_token, 'Access token has expired or is not yet valid.'],
  ] as const) {
    const { status, headers, json } = await app.graph('/me/drive', wrong);
    assert.is(status, 401);
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="", authorization_uri="/);
    assert.is(json.error.code, 'InvalidAuthenticationToken');
    assert.is(json.error.message, message);
    assert.is(json.error.innerError['request-id'], headers.get('request-id'));
  }
  await using stranger = await startAuthority();
  const { json } = await new App(stranger).signIn();
  assert.is((await app.graph('/me', json.access_token)).status, 401);
});

test('expireAccessTokens makes them expire at once; a refresh gives a valid one', async () => {
  await using own = await startAuthority();
  const client = new App(own);
  const { json } = await client.signIn();
  await own.expireAccessTokens();
  assert.is((await client.graph('/me', json.access_token)).status, 401);
  const refreshed = await client.refresh(json.refresh_token);
  assert.is((await client.graph('/me', refreshed.json.access_token)).status, 200);
});

test('the root has children, in pages if the request has $top', async () => {
  const all = await app.graph('/me/drive/root/children', token);
  assert.equal(
    all.json.value.map((item: { name: string }) => item.name),
    ['Documents', 'Getting started with OneDrive.txt', 'Music', 'Pictures', 'Shopping list.md'],
  );
  assert.not('@odata.nextLink' in all.json);
  assert.is(all.json.value[0].folder.childCount, 0);
  assert.is(all.json.value[1].file.mimeType, 'text/plain');

  const names: string[] = [];
  let pages = 0;
  for (let next: string | undefined = '/me/drive/root/children?$top=2'; next; pages += 1) {
    const page = await app.graph(next, token);
    names.push(...page.json.value.map((item: { name: string }) => item.name));
    next = page.json['@odata.nextLink'];
  }
  assert.is(pages, 3);
  assert.is(new Set(names).size, 5);
  assert.is((await app.graph('/me/drive/root/children?$top=zero', token)).status, 400);
});

test('a download or upload with the access token is refused, because it is another host', async () => {
  const { headers } = await app.graph('/me/drive/root:/Shopping list.md:/content', token);
  const leak = await app.graph(headers.get('location') ?? '', token);
  assert.is(leak.status, 401);
});

test('a large file is uploaded in fragments: in order, in units of 320 KiB, resumable', async () => {
  const bytes = Buffer.alloc(700 * kilobyte, 'onedrive');
  const session = await app.graph('/me/drive/root:/big.bin:/createUploadSession', token, { method: 'POST' });
  assert.equal(session.json.nextExpectedRanges, ['0-']);
  const put = (first: number, last: number) =>
    app.graph(session.json.uploadUrl, undefined, {
      method: 'PUT',
      body: bytes.subarray(first, last + 1),
      headers: { 'content-range': `bytes ${first}-${last}/${bytes.length}` },
    });
  assert.is((await put(0, 99)).status, 400, 'not a multiple of 320 KiB');
  const first = await put(0, 320 * kilobyte - 1);
  assert.is(first.status, 202);
  assert.equal(first.json.nextExpectedRanges, [`${320 * kilobyte}-`]);
  assert.is((await put(640 * kilobyte, bytes.length - 1)).status, 416, 'a gap');
  const status = await app.graph(session.json.uploadUrl);
  assert.equal(status.json.nextExpectedRanges, [`${320 * kilobyte}-`]);
  await put(320 * kilobyte, 640 * kilobyte - 1);
  const done = await put(640 * kilobyte, bytes.length - 1);
  assert.is(done.status, 201);
  assert.is(done.json.size, bytes.length);
  const content = await fetch(
    (await app.graph('/me/drive/root:/big.bin:/content', token)).headers.get('location') ?? '',
  );
  assert.ok(bytes.equals(Buffer.from(await content.arrayBuffer())));
  assert.is((await app.graph(session.json.uploadUrl)).status, 404, 'the session is over');
});

test('an upload can be cancelled', async () => {
  const session = await app.graph('/me/drive/root:/never.bin:/createUploadSession', token, { method: 'POST' });
  assert.is((await app.graph(session.json.uploadUrl, undefined, { method: 'DELETE' })).status, 204);
  assert.is((await app.graph(session.json.uploadUrl)).status, 404);
  assert.is((await app.graph('/me/drive/root:/never.bin', token)).status, 404);
});

test('a path that does not exist is an error in the JSON of Graph', async () => {
  const missing = await app.graph('/me/drive/root:/no/such/file', token);
  assert.is(missing.status, 404);
  assert.is(missing.json.error.code, 'itemNotFound');
  const unknown = await app.graph('/me/messages', token);
  assert.is(unknown.status, 400);
  assert.is(unknown.json.error.code, 'BadRequest');
  assert.is((await app.graph('/%', token)).status, 400);
});

test.run();
