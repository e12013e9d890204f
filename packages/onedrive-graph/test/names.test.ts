import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DriveItem, GraphAddressError, GraphError, itemPath } from '../src/index.ts';
import { openPair, redirect, status } from './odd-pair.ts';
import { rejection } from './rejection.ts';
import { openScene } from './scene.ts';

const { client, folder, ...scene } = await openScene();
test.after(() => scene[Symbol.asyncDispose]());

const taken = [
  'plain.txt',
  'a b.txt',
  'a%20b.txt',
  '100% done.txt',
  '%',
  '%2e%2e',
  '%2F',
  '%3Fx',
  '#1.txt',
  'a+b.txt',
  'a&b=c.txt',
  "O'Neil; drop.txt",
  '(1) [2] {3}.txt',
  '$select=name',
  '@me.txt',
  'a,b.txt',
  'content',
  'children',
  '.hidden',
  '..two',
  'ä ö ü.txt',
  'a\u0308.txt',
  '日本語.txt',
  '👩‍💻.txt',
  'a\u202etxt.exe',
  'tab\there',
  'x'.repeat(200),
];
for (const [index, name] of taken.entries()) {
  test(`${JSON.stringify(name.slice(0, 20))} is a name, up and down`, async () => {
    const [up, down] = [`${folder}/up`, `${folder}/down`];
    writeFileSync(up, `content ${index}`);
    const item = await client().upload(itemPath('Names', name), up);
    assert.is(item.name, name);
    await client().download(`${itemPath('/Names/', name)}:/content`, down);
    assert.is(readFileSync(down, 'utf8'), `content ${index}`);
  });
}

test('no name has replaced another one', async () => {
  const names: string[] = [];
  for await (const item of client().pages<DriveItem>(`${itemPath('Names')}:/children`)) names.push(item.name);
  assert.equal(names.sort(), taken.toSorted());
});

for (const [names, got] of [
  [[], 'none'],
  [[''], '""'],
  [['Backup', ''], '""'],
  [['Backup', '//'], '"//"'],
  [['..'], '".."'],
  [['a', '.'], '"."'],
  [['a/../b'], '".."'],
  [['\ud800'], '"\\ud800"'],
] as const) {
  test(`itemPath(${JSON.stringify(names).slice(1, -1)}) is refused`, () => {
    assert.throws(
      () => itemPath(...names),
      ({ reason, message }: GraphAddressError) => reason === 'not-encoded' && message.endsWith(`got ${got}`),
    );
  });
}

for (const [path, message] of [
  ['/me/drive/root:/100% done.txt', 'a % is not allowed there. In a name, write %25'],
  ['/me/drive/root:/C# notes.txt', 'a # is not allowed there. In a name, write %23'],
  ['/me/drive/root:/q?x.txt', 'a ? is not allowed there. In a name, write %3F'],
  ['/me/drive/root:/what?', 'a ? is not allowed there. In a name, write %3F'],
  ['/me/drive/root:/a\\b.txt', 'a \\ is not allowed there. In a name, write %5C'],
  ['/me/drive/root:/a\tb.txt', 'a "\\t" is not allowed there. In a name, write %09'],
  ['/me/drive/root:/a\nb.txt', 'a "\\n" is not allowed there. In a name, write %0A'],
  ['/me/drive/root:/b.txt ', 'a " " is not allowed there. In a name, write %20'],
  // `URL` would take them for the folder itself, and for the one above it.
  ['/me/drive/root:/Backup/.', 'no item is named .;'],
  ['/me/drive/root:/..', 'no item is named ..;'],
  ['/me/drive/root:/Backup/../b.txt', 'no item is named ..;'],
  ['/me/drive/root:/Backup/%2E%2e', 'a %2E%2e is not allowed there. In a name, write %252E%252e'],
] as const) {
  test(`a path with a name that is not encoded is refused: ${JSON.stringify(path)}`, async () => {
    const error = await rejection(client().upload(path, import.meta.filename), GraphAddressError);
    assert.is(error.reason, 'not-encoded');
    assert.match(error.message, message);
    assert.match(error.message, "itemPath('Folder', 'name') encodes names");
  });
}

test('a ? within a name is refused in each direction; a query is not', async () => {
  const ends = ['x.txt:/content', 'x.txt:/children', 'x.txt:', '', '?', 'x.txt', '/a=b.txt'];
  const withQuery = ['x.txt:?$select=id', 'a=b.txt:?$select=id', 'x.txt:/children?$top=1', "x.txt:/search(q='x')"];
  for (const end of [...ends, ...withQuery]) {
    const error = await rejection(client().json(`/me/drive/root:/q?${end}`), GraphAddressError);
    assert.match(error.message, 'a ? is not allowed there. In a name, write %3F');
  }
  for (const [query, count] of [
    ['$top=1', 1],
    ['', taken.length],
  ] as const) {
    const { value } = await client().json<{ value: unknown[] }>(`/me/drive/root:/Names:/children?${query}`);
    assert.is(value.length, count);
  }
});

test('a 404 says what an encoded name was taken for, another refusal does not', async () => {
  const error = await rejection(client().json('/me/drive/root:/no%20such%25.txt'), GraphError);
  assert.match(error.message, 'It looked for "/v1.0/me/drive/root:/no such%.txt"');
  const plain = await rejection(client().json('/me/drive/root:/none.txt'), GraphError);
  assert.not.match(plain.message, 'It looked for');
  writeFileSync(`${folder}/up`, 'content');
  const refused = await rejection(client().upload(itemPath('what?.txt'), `${folder}/up`), GraphError);
  assert.is(refused.status, 400);
  assert.not.match(refused.message, 'It looked for');
  const broken = await rejection(client().json('/me/%ff'), GraphError);
  assert.match(broken.message, /\)$/);
});

test('the refusal of another host does not quote its address, which may be a secret', async () => {
  await using pair = await openPair([redirect(302, ({ elsewhere }) => `${elsewhere}/secret%20address`), status(404)]);
  const error = await rejection(pair.client.json('/me/drive/root:/a%20b:/content'), GraphError);
  assert.is(error.message, 'Graph refused: Not Found. (HTTP 404)');
});

test.run();
