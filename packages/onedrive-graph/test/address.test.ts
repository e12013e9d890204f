import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphAddressError, GraphClient, GraphClientError, parseGraphRoot, resolveGraphUrl } from '../src/index.ts';
import { rejection } from './rejection.ts';

const getToken = async (): Promise<string> => 'the-token';
const microsoft = parseGraphRoot('https://graph.microsoft.com/v1.0');

function refusal(work: () => unknown): GraphAddressError {
  try {
    work();
  } catch (error) {
    if (error instanceof GraphAddressError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

for (const [root, reason] of [
  ['nonsense', 'not-a-url'],
  ['', 'not-a-url'],
  ['ftp://localhost/', 'not-a-url'],
  ['https://graph.example/?a', 'not-a-url'],
  ['https://graph.example/#a', 'not-a-url'],
  ['https://ada:pass@graph.example', 'has-password'],
  ['https://ada@graph.example', 'has-password'],
  ['http://graph.example/v1.0', 'not-https'],
  ['http://127.0.0.1.evil.example', 'not-https'],
  ['http://localhost.evil.example', 'not-https'],
] as const) {
  test(`the root '${root}' is refused by the constructor: ${reason}`, () => {
    const error = refusal(() => new GraphClient({ getToken, root }));
    assert.instance(error, TypeError);
    assert.equal([error.name, error.reason], ['GraphAddressError', reason]);
    assert.match(error.message, /^root: (?!.*pass@)/);
  });
}

for (const root of ['http://localhost:9/v1.0', new URL('http://127.0.0.1:9'), 'http://[::1]:9/v1.0/']) {
  test(`the root ${root} is taken: it is on this machine`, () => {
    assert.match(resolveGraphUrl(parseGraphRoot(root), '/me').pathname, /^(\/v1\.0)?\/me$/);
  });
}

for (const [path, reason] of [
  ['https://evil.example/me', 'other-origin'],
  ['http://graph.microsoft.com/me', 'other-origin'],
  ['https://graph.microsoft.com:444/me', 'other-origin'],
  ['https://graph.microsoft.com@evil.example/me', 'other-origin'],
  ['https://graph.microsoft.com.evil.example/me', 'other-origin'],
  ['file:///etc/passwd', 'other-origin'],
  ['https://user:secret@graph.microsoft.com/me', 'has-password'],
  ['https://user@graph.microsoft.com/me', 'has-password'],
  ['https://', 'not-a-url'],
] as const) {
  test(`${path} is refused before anything is sent: ${reason}`, async () => {
    let calls = 0;
    const count = async (): Promise<never> => {
      calls++;
      throw new Error('called');
    };
    const client = new GraphClient({ getToken: count, fetch: count });
    for (const call of [
      client.request(path),
      client.json(path),
      client.pages(path).next(),
      client.download(path, 'no-such-folder/file'),
      client.upload(path, import.meta.filename),
      client.requestUpload(path, import.meta.filename),
    ]) {
      const error = await rejection(call, GraphAddressError);
      assert.is(error.reason, reason);
      assert.not.match(error.message, 'secret');
    }
    assert.is(calls, 0);
  });
}

for (const path of [undefined, null, 5, {}] as never[]) {
  test(`a path that is ${JSON.stringify(path)} is refused by a rejection`, async () => {
    const client = new GraphClient({ getToken, fetch: () => assert.unreachable() as never });
    for (const method of ['request', 'json', 'download', 'upload', 'requestUpload'] as const) {
      const error = await rejection(client[method](path, import.meta.filename as never), TypeError);
      assert.match(error.message, /^path: expected a string or a URL, got /);
    }
    await rejection(client.pages(path).next(), GraphAddressError);
  });
}

for (const [path, expected] of [
  ['/me/drive', '/v1.0/me/drive'],
  ['me/drive', '/v1.0/me/drive'],
  ['/me/drive?$top=1', '/v1.0/me/drive?$top=1'],
  ['/me/drive?$filter=a:', '/v1.0/me/drive?$filter=a:'],
  ['/me/drive?$search="a\\b" ', '/v1.0/me/drive?$search=%22a\\b%22'],
  ["/me/drive/root:/a?$filter=b eq 'c:/d'", '/v1.0/me/drive/root:/a?$filter=b%20eq%20%27c:/d%27'],
  ['/me/drive/root:/a?$filter=b/any(c:c/d eq "e:")', '/v1.0/me/drive/root:/a?$filter=b/any(c:c/d%20eq%20%22e:%22)'],
  ["/me/drive/root:/a:?$expand=b($filter=c eq 'd:')", '/v1.0/me/drive/root:/a:?$expand=b($filter=c%20eq%20%27d:%27)'],
  ['/me/drive/root:/a?@microsoft.graph.b=https://c/d', '/v1.0/me/drive/root:/a?@microsoft.graph.b=https://c/d'],
  [
    "/me/drive/root/children?$filter=a/b eq '/root:/../c'",
    '/v1.0/me/drive/root/children?$filter=a/b%20eq%20%27/root:/../c%27',
  ],
  [new URL('https://graph.microsoft.com/v1.0/me/drive/root:/a?b=%27c:/d%27'), '/v1.0/me/drive/root:/a?b=%27c:/d%27'],
  ['/../beta/me', '/beta/me'],
  ['/me/drive/root:/ä %231 b.txt:', '/v1.0/me/drive/root:/%C3%A4%20%231%20b.txt:'],
  ['HTTPS://GRAPH.MICROSOFT.COM:443/beta/me', '/beta/me'],
  [new URL('https://graph.microsoft.com/beta/me'), '/beta/me'],
  ['//evil.example/me', '/v1.0//evil.example/me'],
  ['javascript:alert(1)', '/v1.0/javascript:alert(1)'],
] as const) {
  test(`${path} leads to ${expected} on the root's origin`, () => {
    assert.is(resolveGraphUrl(microsoft, path).href, `https://graph.microsoft.com${expected}`);
  });
}

test('an option that is undefined is one that is not given', async () => {
  const options = { fetch: undefined, root: undefined, signal: undefined, onWait: undefined };
  const client = new GraphClient({ getToken, ...options });
  const transfer = { signal: undefined, onProgress: undefined, headers: undefined };
  await rejection(client.download('file:///x', 'x', transfer), GraphAddressError);
  await rejection(client.upload('file:///x', 'x', { ...transfer, sessions: undefined }), GraphAddressError);
});

for (const [name, options] of [
  ['getToken', { getToken: 'the-token' }],
  ['getToken', {}],
  ['fetch', { getToken, fetch: 'x' }],
  ['onWait', { getToken, onWait: true }],
  ['signal', { getToken, signal: 5 }],
] as const) {
  test(`a ${name} that is ${typeof Object(options)[name]} is a TypeError that names it`, () => {
    const make = (): GraphClient => new GraphClient(options as never);
    assert.throws(make, (error: unknown) => error instanceof TypeError && error.message.startsWith(`${name}: `));
  });
}

for (const wrong of [undefined, '', 'secret token', 'secret\n', 'secreté']) {
  test(`a getToken that returns ${JSON.stringify(wrong)} is a TypeError, without the token in it`, async () => {
    const client = new GraphClient({
      getToken: async () => wrong as string,
      fetch: () => assert.unreachable() as never,
    });
    const error = await rejection(client.json('/me'), TypeError);
    assert.match(error.message, /^getToken: (?!.*secret)/);
    assert.not.instance(error, GraphClientError);
  });
}

test.run();
