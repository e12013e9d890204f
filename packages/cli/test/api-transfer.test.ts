import { randomBytes } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeLink } from '../../onedrive-graph/test/make-link.ts';
import { openOddGraph } from '../../onedrive-graph/test/odd-graph.ts';
import { until } from './fixtures/until.ts';

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

test('an upload goes to an item by id as well, and replaces it', async () => {
  const item = JSON.parse((await home.call(['api', '/me/drive/root:/small.txt'])).stdout);
  writeFileSync(inHome('other.txt'), 'another text');
  const { status } = await home.call(['api', '/me/drive/root:/small.txt:', '--upload', inHome('other.txt')]);
  assert.is(status, 0);
  const after = JSON.parse((await home.call(['api', `/me/drive/items/${item.id}`])).stdout);
  assert.is(after.size, 12);
});

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

test('a download that fails leaves the file as it was, and no file beside it', async () => {
  const file = inHome('kept.txt');
  writeFileSync(file, 'kept');
  const { status, stderr } = await home.call(['api', '/me/drive/root:/missing.txt:/content', '-o', file]);
  assert.is(status, 1);
  assert.match(stderr, 'HTTP 404');
  assert.is(readFileSync(file, 'utf8'), 'kept');
  assert.equal(leftovers(), []);
});

test('a download to a symbolic link replaces the file that the link leads to', async () => {
  writeFileSync(inHome('target.txt'), 'old');
  if (!makeLink('target.txt', inHome('link.txt'))) return;
  await home.call(['api', '/me/drive/root:/small.txt:/content', '-o', inHome('link.txt')]);
  assert.is(readFileSync(inHome('target.txt'), 'utf8'), 'another text');
});

test('-o - is stdout', async () => {
  const { status, stdout } = await home.call(['api', '/me/drive/root:/small.txt:/content', '-o', '-']);
  assert.is(status, 0);
  assert.is(stdout, 'another text');
});

test('a download into a missing folder says so', async () => {
  const { status, stderr } = await home.call(['api', '/me', '-o', inHome('no/such/folder')]);
  assert.is(status, 1);
  assert.match(stderr, /cannot write .*no\/such\/folder: no such file or directory/);
});

for (const [tag, says] of [
  ['"v1"', undefined],
  ['W/"v1"', /broke after 1000 bytes/],
  ['"v2"', /changed while it was downloaded/],
] as const) {
  test(`a download that breaks off ${says ? 'fails' : 'goes on'} with the tag ${tag}`, async () => {
    const content = randomBytes(5000);
    const file = inHome('broken.bin');
    const isBegun = (): boolean => globSync(`${file}.*.part`).some((part) => statSync(part).size === 1000);
    await using graph = await openOddGraph(({ headers }, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
      const isSame = headers['if-range'] === '"v1"';
      if (headers.range && isSame) {
        response.writeHead(206, { 'content-range': `bytes ${from}-4999/5000`, 'content-length': 5000 - from });
        response.end(content.subarray(from));
      } else if (headers.range) response.end('something else');
      else {
        response.writeHead(200, { etag: tag, 'content-length': 5000 });
        response.write(content.subarray(0, 1000));
        void until(isBegun).then(() => response.destroy());
      }
    });
    const { status, stderr } = await home.call(['api', '/file', '-o', file, '--graph', graph.origin]);
    if (says) {
      assert.is(status, 6);
      assert.match(stderr, says);
      assert.not(existsSync(file));
    } else {
      assert.is(status, 0);
      assert.ok(readFileSync(file).equals(content));
      rmSync(file);
    }
    assert.equal(leftovers(), []);
  });
}

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

test('the address of an upload never gets the token, not even on Graph’s own host', async () => {
  await using graph = await openOddGraph(({ method }, response, { origin }) => {
    if (method === 'PUT') response.writeHead(201).end('{"name":"x"}');
    else response.end(JSON.stringify({ uploadUrl: `${origin}/upload`, expirationDateTime: '2999-01-01' }));
  });
  const args = ['api', '/me/drive/root:/x', '--upload', inHome('small.txt'), '--graph', graph.origin];
  const { status, stdout } = await home.call(args);
  assert.is(status, 0);
  assert.is(stdout, '{"name":"x"}');
  const seen = graph.requests.map(({ method, path, authorization }) => [method, path, authorization !== undefined]);
  assert.equal(seen, [
    ['POST', '/me/drive/root:/x:/createUploadSession', true],
    ['PUT', '/upload', false],
  ]);
});

test('nothing is uploaded to an address with plain http: the network could read the file', async () => {
  await using graph = await openOddGraph((_request, response) => {
    response.end(JSON.stringify({ uploadUrl: 'http://example.com/upload', expirationDateTime: '2999-01-01' }));
  });
  const args = ['api', '/me/drive/root:/x', '--upload', inHome('small.txt'), '--graph', graph.origin];
  const { status, stderr } = await home.call(args);
  assert.is(status, 1);
  assert.match(stderr, 'not uploading to http://example.com');
});

function leftovers(): string[] {
  return readdirSync(home.folder).filter((name) => name.endsWith('.part'));
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
