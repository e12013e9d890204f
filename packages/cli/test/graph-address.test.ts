import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readGraphRoot, resolveGraphPath } from '../src/commands/api/graph-address.ts';
import { UsageError } from '../src/terminal/failure.ts';

const root = readGraphRoot('https://graph.microsoft.com/v1.0');
const refuses = (work: () => unknown, says: RegExp): void =>
  assert.throws(work, (error: unknown) => error instanceof UsageError && says.test(error.message));

for (const [path, expected] of [
  ['/me/drive', '/v1.0/me/drive'],
  ['me/drive', '/v1.0/me/drive'],
  ['/me/drive?$top=1', '/v1.0/me/drive?$top=1'],
  ['/../beta/me', '/beta/me'],
  ['/me/drive/root:/ä #1 b.txt:', '/v1.0/me/drive/root:/%C3%A4%20%231%20b.txt:'],
  ['https://graph.microsoft.com/beta/me', '/beta/me'],
  ['HTTPS://GRAPH.MICROSOFT.COM:443/beta/me', '/beta/me'],
] as const) {
  test(`${path} leads to ${expected}`, () => {
    assert.is(resolveGraphPath(root, path).href, `https://graph.microsoft.com${expected}`);
  });
}

for (const path of [
  '//evil.example/me',
  '@evil.example/me',
  String.raw`\\evil.example\me`,
  ':99/me',
  'javascript:alert(1)',
]) {
  test(`${path} stays on Graph’s origin, with or without a path in the root`, () => {
    assert.is(resolveGraphPath(root, path).origin, root.origin);
    const bare = readGraphRoot('http://127.0.0.1:9');
    assert.is(resolveGraphPath(bare, path).origin, bare.origin);
  });
}

for (const url of [
  'https://evil.example/me',
  'http://graph.microsoft.com/me',
  'https://graph.microsoft.com:444/me',
  'https://graph.microsoft.com@evil.example/me',
  'https://graph.microsoft.com.evil.example/me',
  'https://user:password@graph.microsoft.com/me',
  'file:///etc/passwd',
]) {
  test(`${url} is refused: the token goes to Graph’s origin only`, () => {
    refuses(() => resolveGraphPath(root, url), /the token goes only to https:\/\/graph\.microsoft\.com/);
  });
}

for (const wrong of ['nonsense', '', 'ftp://localhost/', 'https://graph.example/?a', 'https://graph.example/#a']) {
  test(`a root of '${wrong}' is refused`, () => {
    refuses(() => readGraphRoot(wrong), /--graph: expected a URL/);
  });
}

test('a root with a password is refused without repeating it', () => {
  refuses(() => readGraphRoot('https://ada:pass@graph.example'), /^--graph: (?!.*pass@)/);
});

for (const plain of ['http://graph.example/v1.0', 'http://127.0.0.1.evil.example', 'http://localhost.evil.example']) {
  test(`a root of ${plain} is refused: the network could read the token`, () => {
    refuses(() => readGraphRoot(plain), /--graph: plain http/);
  });
}

for (const local of ['http://localhost:9/v1.0', 'http://127.0.0.1:9', 'http://[::1]:9/v1.0/']) {
  test(`a root of ${local} is on this machine, and accepted`, () => {
    assert.is(resolveGraphPath(readGraphRoot(local), '/me').pathname.replace('/v1.0', ''), '/me');
  });
}

test.run();
