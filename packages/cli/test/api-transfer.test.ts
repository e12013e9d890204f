import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openOddGraph } from '../../onedrive-graph/test/odd-graph.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

const inHome = (name: string): string => `${home.folder}/${name}`;
/** A whole piece and a bit of a second one. */
const big = randomBytes(10 * 1024 * 1024 + 7);
writeFileSync(inHome('big.img'), big);
writeFileSync(inHome('small.txt'), 'hello');
writeFileSync(inHome('empty.txt'), '');

for (const [name, content] of [
  ['small.txt', Buffer.from('hello')],
  ['empty.txt', Buffer.alloc(0)],
  ['big.img', big],
] as const) {
  test(`${name} is uploaded, and downloaded as it was`, async () => {
    const up = await home.call(['api', `/me/drive/root:/${name}`, '--upload', inHome(name)]);
    assert.is(up.status, 0);
    assert.is(up.stderr, '');
    assert.is(JSON.parse(up.stdout).size, content.length);
    const copy = inHome(`copy of ${name}`);
    const down = await home.call(['api', `/me/drive/root:/${name}:/content`, '-o', copy]);
    assert.is(down.status, 0);
    assert.is(down.stdout, '');
    assert.match(down.stderr, `to ${copy}\n`);
    assert.ok(readFileSync(copy).equals(content));
  });
}

for (const [what, file, expected, says] of [
  ['is missing', 'no-such-file', 1, /cannot read .*no-such-file: no such file/],
  ['is a folder', '.', 2, /is not a file/],
] as const) {
  test(`an upload of a file that ${what} says so`, async () => {
    const { status, stdout, stderr } = await home.call(['api', '/me/drive/root:/x', '--upload', inHome(file)]);
    assert.is(status, expected);
    assert.is(stdout, '');
    assert.match(stderr, says);
  });
}

test('-o - is stdout', async () => {
  const { status, stdout } = await home.call(['api', '/me/drive/root:/small.txt:/content', '-o', '-']);
  assert.is(status, 0);
  assert.is(stdout, 'hello');
});

test('a download into a missing folder says so', async () => {
  const { status, stderr } = await home.call(['api', '/me', '-o', inHome('no/such/folder')]);
  assert.is(status, 1);
  assert.match(stderr, /cannot write .*no\/such\/folder: no such file or directory/);
});

for (const option of [[], ['-i'], ['--paginate']]) {
  test(`a response that breaks off is worth retrying: 6, with ${option.join('') || 'no option'}`, async () => {
    await using graph = await openOddGraph((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 50 });
      response.write('{"value":[', () => setImmediate(() => response.destroy()));
    });
    const { status, stderr } = await home.call(['api', '/me', ...option, '--graph', graph.origin]);
    assert.is(status, 6);
    assert.match(stderr, /^onedrive-token: the connection to 127\.0\.0\.1:\d+ broke before the answer was complete\n$/);
  });
}

test('a file whose name looks encoded is uploaded under that very name', async () => {
  const name = 'a%20b.txt';
  writeFileSync(inHome(name), 'hello');
  const { status, stdout } = await home.call(['api', `/me/drive/root:/${name}:/content`, '--upload', name]);
  assert.is(status, 0);
  assert.is(JSON.parse(stdout).name, name);
  await home.call(['api', '/me/drive/root:/a%2520b.txt:/content', '-o', 'copy.txt']);
  assert.is(readFileSync(inHome('copy.txt'), 'utf8'), 'hello');
});

test.run();
