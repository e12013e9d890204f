import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  constants,
  createReadStream,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import promises, { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { openFiles } from 'testing-authority/open-files';
import { makeLink } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  GraphClient,
  GraphClientError,
  type GraphClientOptions,
  GraphError,
  type GraphWait,
  type TransferProgress,
} from '../src/index.ts';
import { type OddRequest, openOddGraph } from './odd-graph.ts';
import { type Answer, openPair, watchBodies } from './odd-pair.ts';
import { quickenWaits } from './quick-waits.ts';
import { rejection } from './rejection.ts';
import { replaceBuiltin } from './replace-builtin.ts';
import { openScene } from './scene.ts';

const { authority, client, folder, ...scene } = await openScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after(quickenWaits());
test.after.each(() => {
  authority.clearFaults();
  assert.equal(leftovers(), []);
});

const windows = process.platform === 'win32';
const content = randomBytes(5000);
const inFolder = (name: string): string => `${folder}/${name}`;
const notes = '/me/drive/root:/notes.txt';
await client().request(`${notes}:/content`, { method: 'PUT', body: 'remember the milk' });

/** Files of downloads that are not complete, and those that this process still has open. */
function leftovers(): string[] {
  return [...readdirSync(folder), ...openFiles()].filter((name) => name.includes('.part'));
}

/** Deletes what is kept for a later download, and returns how many bytes that was. Only Linux keeps something. */
function dropKept(): number[] {
  return globSync(inFolder('*.part')).map((part) => {
    const { size } = statSync(part);
    rmSync(part);
    return size;
  });
}
const kept = existsSync('/proc/sys/kernel/random/boot_id') ? [1000] : [];

interface FlakyOptions {
  /** How many bytes each answer has before its connection breaks; after these, the rest comes. */
  pieces: number[];
  headers?: Record<string, string>;
  /** Whether an answer says how long it is. */
  length?: boolean;
  /** Answers a request for the rest. Default: as it should be. */
  resume?: (request: OddRequest, response: ServerResponse) => void;
  client?: Partial<GraphClientOptions>;
}

/** Downloads `content` to `file` from a server whose connections break. */
async function downloadFlaky(
  file: string,
  { pieces, headers = { etag: '"v1"' }, length = true, resume, client: options }: FlakyOptions,
): Promise<{ bytes: number; requests: OddRequest[]; progress: TransferProgress[] }> {
  let written = 0;
  await using graph = await openOddGraph((request, response) => {
    const { range } = request.headers;
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (range && resume) return resume(request, response);
    if (range) response.setHeader('content-range', `bytes ${from}-${content.length - 1}/${content.length}`);
    response.writeHead(range ? 206 : 200, { ...headers, ...(length && { 'content-length': content.length - from }) });
    const piece = pieces.shift();
    if (piece === undefined) return response.end(content.subarray(from));
    response.flushHeaders();
    response.write(content.subarray(from, from + piece));
    written = from + piece;
    void until(() => globSync(`${file}.*.part`).some((part) => statSync(part).size === written)).then(() =>
      response.destroy(),
    );
  });
  const flaky = new GraphClient({ getToken: async () => 'the-token', root: graph.origin, ...options });
  const progress: TransferProgress[] = [];
  const { bytes } = await flaky.download('/file', file, { onProgress: (step) => progress.push(step) });
  return { bytes, requests: graph.requests, progress };
}

test('a file is saved, and one that was there is replaced', async () => {
  const file = inFolder('notes.txt');
  writeFileSync(file, 'old, and much longer than what comes');
  assert.equal(await client().download(`${notes}:/content`, file), { bytes: 17 });
  assert.is(readFileSync(file, 'utf8'), 'remember the milk');
});

test('a symbolic link stays, and the file that it leads to is replaced', async () => {
  writeFileSync(inFolder('target.txt'), 'old');
  if (!makeLink('target.txt', inFolder('link.txt'))) return;
  await client().download(`${notes}:/content`, inFolder('link.txt'));
  assert.is(readlinkSync(inFolder('link.txt')), 'target.txt');
  assert.is(readFileSync(inFolder('target.txt'), 'utf8'), 'remember the milk');
});

test('a symbolic link to a file that is not there stays, and the file is made', async () => {
  mkdirSync(inFolder('below'));
  if (!makeLink('../second.txt', inFolder('below/first.txt'))) return;
  makeLink('new.txt', inFolder('second.txt'));
  await client().download(`${notes}:/content`, inFolder('below/first.txt'));
  assert.is(readFileSync(inFolder('new.txt'), 'utf8'), 'remember the milk');
  assert.is(readlinkSync(inFolder('below/first.txt')), '../second.txt');
  assert.is(readlinkSync(inFolder('second.txt')), 'new.txt');
});

test('a name that can only be a folder is FILE, before the content comes', async () => {
  const onProgress = (): void => assert.unreachable();
  const saving = client().download(`${notes}:/content`, inFolder('no-such-folder/'), { onProgress });
  assert.is((await rejection(saving, GraphClientError)).code, 'FILE');
});

test('a file that another program has open for a moment is replaced when it is closed', async () => {
  if (!windows) return console.log('skipped: only Windows keeps a file from being replaced while it is open');
  const file = inFolder('open.txt');
  writeFileSync(file, '');
  const { DatabaseSync } = await import('node:sqlite');
  const other = new DatabaseSync(file);
  setTimeout(() => other.close(), 300);
  await client().download(`${notes}:/content`, file);
  assert.is(readFileSync(file, 'utf8'), 'remember the milk');
});

for (const code of ['EPERM', 'EACCES', 'EBUSY', 'EXDEV']) {
  const isOpenElsewhere = code !== 'EXDEV';
  test(`on Windows, a file that cannot be replaced because of ${code} is ${isOpenElsewhere ? 'waited for' : 'FILE'}`, async () => {
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
    let tries = 0;
    const restore = replaceBuiltin(promises, 'rename', (rename) => async (from, to) => {
      if (++tries < 3) throw Object.assign(new Error('refused'), { code });
      return rename(from, to);
    });
    const saving = client().download(`${notes}:/content`, inFolder('elsewhere.txt'));
    const saved = saving.finally(() => {
      restore();
      Object.defineProperty(process, 'platform', platform);
    });
    if (isOpenElsewhere) assert.equal(await saved, { bytes: 17 });
    else assert.is((await rejection(saved, GraphClientError)).message.slice(-7), 'refused');
    assert.is(tries, isOpenElsewhere ? 3 : 1);
  });
}

test('a file that is mounted, and so cannot be replaced, is written to', async () => {
  if (windows) return console.log('skipped: Windows mounts no files');
  const file = inFolder('mounted.txt');
  writeFileSync(file, 'old, and much longer than what comes');
  const { ino } = statSync(file);
  const busy = Object.assign(new Error('busy'), { code: 'EBUSY' });
  const restore = replaceBuiltin(promises, 'rename', () => () => Promise.reject(busy));
  await client().download(`${notes}:/content`, file).finally(restore);
  assert.is(readFileSync(file, 'utf8'), 'remember the milk');
  assert.is(statSync(file).ino, ino);
});

for (const method of ['datasync', 'close'] as const) {
  test(`if the disk does not take the bytes, as ${method} says, that is FILE, and the old file stays`, async () => {
    const file = inFolder('unsynced.txt');
    writeFileSync(file, 'as it was');
    const restore = replaceBuiltin(promises, 'open', (open) => async (...args) => {
      const handle = await open(...args);
      const call = handle[method].bind(handle);
      const fail = (): never => {
        throw new Error('input/output error');
      };
      return Object.assign(handle, { [method]: () => call().then(fail) });
    });
    const saving = client().download(`${notes}:/content`, file);
    const error = await rejection(saving, GraphClientError).finally(restore);
    assert.is(error.code, 'FILE');
    assert.is(readFileSync(file, 'utf8'), 'as it was');
  });
}

test('the caller’s headers are sent', async () => {
  await client().download(`${notes}:/content`, inFolder('part.txt'), { headers: { range: 'bytes=0-7' } });
  assert.is(readFileSync(inFolder('part.txt'), 'utf8'), 'remember');
});

for (const [path, item, isTaken] of [
  ['/me/drive/root:/good.txt:/content', { size: 3, file: { mimeType: 'text/plain' } }, false],
  ['/me/drive/items/ID/content', { size: 3, file: { mimeType: 'text/html' } }, false],
  ['/me/drive/root:/good.html:/content', { size: 13, file: { mimeType: 'text/html' } }, true],
  ['/me/drive/root:/without-length.html:/content', { size: 13, file: { mimeType: 'text/html' } }, true],
  ['/me/drive/root:/good.docx:/content?format=html', { size: 3, file: { mimeType: 'application/msword' } }, true],
  ['/me/onenote/pages/ID/content', {}, true],
  ['/me/drive/root:/good.txt:/content', undefined, false],
  ['/me/drive', undefined, false],
  ['/me/messages/ID/body/$value', {}, true],
  ['/me/photo/$value', undefined, false],
] as const) {
  const portal = item === undefined ? '' : ` of ${JSON.stringify(item)}`;
  test(`a page of HTML for ${path}${portal} is ${isTaken ? 'saved' : 'notGraph, and the file stays'}`, async () => {
    await using pair = await openPair((request, response) => {
      if (item && request.path.includes('$select')) return response.end(JSON.stringify(item));
      response.setHeader('content-type', 'text/html');
      if (path.includes('without-length')) response.flushHeaders();
      return response.end('<html></html>');
    });
    writeFileSync(inFolder('page'), 'as it was');
    const saving = pair.client.download(path, inFolder('page'));
    if (isTaken) assert.equal(await saving, { bytes: 13 });
    else assert.is((await rejection(saving, GraphError)).code, 'notGraph');
    assert.is(readFileSync(inFolder('page'), 'utf8'), isTaken ? '<html></html>' : 'as it was');
    if (item) assert.match(pair.graph.requests[1]?.path ?? '', /\?\$select=size,file$/);
  });
}

for (const [what, body, isTaken] of [
  ['Graph itself refuses', '{"error":{"code":"BadRequest","message":"no property named size"}}', true],
  ['another one refuses', '<html></html>', false],
] as const) {
  test(`a page whose size and type ${what} to tell is ${isTaken ? 'saved' : 'not, and the file stays'}`, async () => {
    await using pair = await openPair(({ path }, response) => {
      if (!/content/.test(path)) return response.writeHead(400).end(body);
      return response.setHeader('content-type', 'text/html').end('<html></html>');
    });
    writeFileSync(inFolder('page'), 'as it was');
    const saving = pair.client.download('/me/onenote/pages/ID/content', inFolder('page'));
    if (isTaken) assert.equal(await saving, { bytes: 13 });
    else assert.is((await rejection(saving, GraphError)).status, 400);
    assert.is(readFileSync(inFolder('page'), 'utf8'), isTaken ? '<html></html>' : 'as it was');
  });
}

test('a part of a page, which the caller asked for, is saved', async () => {
  await using pair = await openPair(({ path }, response) => {
    if (!/content/.test(path)) return response.end('{"size":13}');
    response.writeHead(206, { 'content-type': 'text/html', 'content-range': 'bytes 0-5/13', 'content-length': 6 });
    return response.end('<html>');
  });
  const options = { headers: { range: 'bytes=0-5' } };
  assert.equal(await pair.client.download('/me/drive/root:/a.html:/content', inFolder('page'), options), { bytes: 6 });
});

test('an error of Graph leaves the file as it was', async () => {
  const file = inFolder('kept.txt');
  writeFileSync(file, 'kept');
  const error = await rejection(client().download('/me/drive/root:/missing:/content', file), GraphError);
  assert.is(error.status, 404);
  assert.is(readFileSync(file, 'utf8'), 'kept');
});

test('a path that no file can have is FILE, and the answer is given back', async () => {
  const { fetch, used } = watchBodies();
  const saving = client({ fetch }).download(`${notes}:/content`, inFolder('a\0b'));
  const error = await rejection(saving, GraphClientError);
  assert.is(error.code, 'FILE');
  assert.match(error.message, /: .*without null bytes/);
  assert.ok(used().at(-1));
});

for (const [what, file, code, says] of [
  ['in a folder that is missing', 'no/such/folder', 'ENOENT', 'no such file or directory'],
  ['that is a folder', '.', 'EISDIR', 'illegal operation on a directory'],
  ['below a file', 'tokens.db/x', 'ENOTDIR', 'not a directory'],
] as const) {
  test(`a file ${what} is FILE`, async () => {
    const error = await rejection(client().download(`${notes}:/content`, inFolder(file)), GraphClientError);
    assert.is(error.code, 'FILE');
    assert.is(error.retryable, false);
    // Windows says of both that nothing is there.
    const [saysHere, codeHere] = windows && code === 'ENOTDIR' ? ['no such file or directory', 'ENOENT'] : [says, code];
    assert.is(error.message, `cannot write ${inFolder(file)}: ${saysHere}`);
    assert.is((error.cause as NodeJS.ErrnoException).code, codeHere);
  });
}

if (process.platform !== 'win32') {
  test('a pipe is written to, and stays', async () => {
    const pipe = makePipe('pipe');
    const reader = createReadStream(pipe, 'utf8');
    const [, chunks] = await Promise.all([client().download(`${notes}:/content`, pipe), reader.toArray()]);
    assert.is(chunks.join(''), 'remember the milk');
    assert.ok(statSync(pipe).isFIFO());
  });

  test('what cannot be written is FILE, not a broken connection: a pipe whose reader has gone', async () => {
    const pipe = makePipe('closed-pipe');
    const readerHasGone = open(pipe, 'r').then((reader) => reader.close());
    await using pair = await openPair((_request, response) => {
      response.writeHead(200, { etag: '"v1"' }).flushHeaders();
      void readerHasGone.then(() => response.end('lost'));
    });
    const error = await rejection(pair.client.download('/file', pipe), GraphClientError);
    assert.is(error.code, 'FILE');
    assert.is((error.cause as NodeJS.ErrnoException).code, 'EPIPE');
  });
} else console.log('skipped: Windows has no pipes in folders');

if (existsSync('/proc/self/fd')) {
  test('a file that this process has open is written to at its end, and not replaced', async () => {
    const file = inFolder('all.txt');
    await using handle = await open(file, 'a');
    await handle.writeFile('before: ');
    makeLink(`/dev/fd/${handle.fd}`, inFolder('output'));
    await client().download(`${notes}:/content`, inFolder('output'));
    await handle.writeFile(', and after');
    assert.is(readFileSync(file, 'utf8'), 'before: remember the milk, and after');
  });

  test('a pipe that this process has open needs no name', async () => {
    const pipe = makePipe('nameless');
    await using handle = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    rmSync(pipe);
    await client().download(`${notes}:/content`, `/dev/fd/${handle.fd}`);
    const { buffer, bytesRead } = await handle.read();
    assert.is(buffer.toString('utf8', 0, bytesRead), 'remember the milk');
  });
} else console.log('skipped: only Linux has names for what a process has open');

function makePipe(name: string): string {
  assert.is(spawnSync('mkfifo', [inFolder(name)]).status, 0);
  return inFolder(name);
}

test('after a break the rest is asked for, if it is still the same file', async () => {
  const file = inFolder('broken.bin');
  const { bytes, requests, progress } = await downloadFlaky(file, { pieces: [1000, 500] });
  assert.is(bytes, 5000);
  assert.ok(readFileSync(file).equals(content));
  assert.equal(
    requests.map(({ headers }) => [headers.range, headers['if-range']]),
    [
      [undefined, undefined],
      ['bytes=1000-', '"v1"'],
      ['bytes=1500-', '"v1"'],
    ],
  );
  // Node's fetch adds a second one to a request for a range.
  assert.ok(requests.every(({ headers }) => /^identity(, identity)?$/.test(String(headers['accept-encoding']))));
  assert.equal(progress.at(0), { done: 0, total: 5000 });
  assert.equal(progress.at(-1), { done: 5000, total: 5000 });
  assert.ok(progress.every(({ done }, index) => done >= (progress[index - 1]?.done ?? 0)));
});

for (const [what, headers] of [
  ['a weak tag', { etag: 'W/"v1"' }],
  ['no tag', {}],
  ['a compressed body', { etag: '"v1"', 'content-encoding': 'x-unknown' }],
] as const) {
  test(`with ${what} the rest cannot be asked for: CONNECTION, and nothing is left`, async () => {
    const file = inFolder('lost.bin');
    const error = await rejection(downloadFlaky(file, { pieces: [1000], headers }), GraphClientError);
    assert.is(error.code, 'CONNECTION');
    assert.is(error.retryable, true);
    assert.match(error.message, /^the connection to 127\.0\.0\.1:\d+ failed .*after 1000 bytes$/);
    assert.not(existsSync(file));
  });
}

/** The rest after 1000 bytes. */
function restOf(response: ServerResponse, headers: Record<string, string>): void {
  response.writeHead(206, { 'content-range': 'bytes 1000-4999/5000', ...headers }).end(content.subarray(1000));
}

test('a rest that is not of the same file, or not its rest, is CHANGED, and given back', async () => {
  const { fetch, used } = watchBodies();
  const answers: NonNullable<FlakyOptions['resume']>[] = [
    (_request, response) => response.end('something else'),
    (_request, response) => response.writeHead(206, { 'content-range': 'bytes 7-9/5000' }).end(),
    (_request, response) => response.writeHead(206).end(),
    (_request, response) => response.writeHead(416, { 'content-range': 'bytes */500' }).end(),
    (_request, response) => restOf(response, { etag: '"v2"' }),
    (_request, response) => restOf(response, { etag: '"v1"', 'content-range': 'bytes 1000-4999/6000' }),
  ];
  // At once: each waits for about a second before it asks for the rest.
  await Promise.all(
    answers.map(async (resume, index) => {
      const file = inFolder(`changed-${index}.bin`);
      writeFileSync(file, 'as it was');
      const error = await rejection(
        downloadFlaky(file, { pieces: [1000], resume, client: { fetch } }),
        GraphClientError,
      );
      assert.is(error.code, 'CHANGED');
      assert.is(error.retryable, true);
      assert.is(readFileSync(file, 'utf8'), 'as it was');
    }),
  );
  assert.ok(used().every(Boolean));
});

test('a rest without a tag, of a file whose size it does not say, is taken', async () => {
  const resume: FlakyOptions['resume'] = (_request, response) =>
    restOf(response, { 'content-range': 'bytes 1000-4999/*' });
  const file = inFolder('untagged.bin');
  await downloadFlaky(file, { pieces: [1000], resume });
  assert.ok(readFileSync(file).equals(content));
});

test('after five breaks without a new byte, each waited for, the download gives up', async () => {
  const waits: GraphWait[] = [];
  const options = { onWait: (wait: GraphWait) => void waits.push(wait) };
  const started = performance.now();
  const broken = downloadFlaky(inFolder('given-up.bin'), { pieces: [0, 1000, 0, 0, 0, 0], client: options });
  const error = await rejection(broken, GraphClientError);
  assert.equal([error.code, error.retryable], ['CONNECTION', true]);
  assert.match(error.message, /failed .*after 1000 bytes$/);
  assert.equal(dropKept(), kept);
  assert.equal(
    waits.map(({ attempt }) => attempt),
    [1, 1, 2, 3, 4],
  );
  assert.ok(waits.every(({ reason }) => /failed/.test(reason)));
  const delay = waits.reduce((sum, wait) => sum + wait.delay, 0);
  assert.ok(performance.now() - started > (0.9 * delay) / 50);
});

test('a rest that ends early is not taken for the whole file: what is missing is asked for again', async () => {
  const file = inFolder('short-rest.bin');
  let answers = 0;
  const resume: FlakyOptions['resume'] = ({ headers }, response) => {
    const from = Number(/\d+/.exec(headers.range ?? '')?.[0]);
    const end = answers++ === 0 ? 1100 : content.length;
    const range = `bytes ${from}-${end - 1}/${content.length}`;
    response.writeHead(206, { etag: '"v1"', 'content-range': range }).end(content.subarray(from, end));
  };
  const { bytes, progress } = await downloadFlaky(file, { pieces: [1000], resume });
  assert.is(bytes, 5000);
  assert.ok(readFileSync(file).equals(content));
  assert.ok(progress.every(({ total }) => total === 5000));
});

test('a rest that ends early is not taken for the whole file if the first answer had no length', async () => {
  const rest = (size: string): NonNullable<FlakyOptions['resume']> => {
    return ({ headers }, response) => {
      const from = Number(/\d+/.exec(headers.range ?? '')?.[0]);
      const end = Math.min(from + 2500, content.length);
      response.writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${size}` }).end(content.subarray(from, end));
    };
  };
  const file = inFolder('short-rest.bin');
  assert.is((await downloadFlaky(file, { pieces: [1000], length: false, resume: rest('5000') })).bytes, 5000);
  assert.ok(readFileSync(file).equals(content));
  const error = await rejection(
    downloadFlaky(file, { pieces: [1000], length: false, resume: rest('*') }),
    GraphClientError,
  );
  assert.is(error.code, 'CHANGED');
  assert.ok(readFileSync(file).equals(content));
});

test('a break after the last byte of a file without a length costs no byte', async () => {
  const download = (etag: string): Promise<{ bytes: number }> => {
    const resume: FlakyOptions['resume'] = (_request, response) =>
      response.writeHead(416, { etag, 'content-range': `bytes */${content.length}` }).end('no such range');
    return downloadFlaky(inFolder('whole.bin'), { pieces: [content.length], length: false, resume });
  };
  assert.is((await download('"v1"')).bytes, content.length);
  assert.ok(readFileSync(inFolder('whole.bin')).equals(content));
  assert.is((await rejection(download('"v2"'), GraphClientError)).code, 'CHANGED');
});

test('if the same file comes from its beginning instead of its rest, what is there already is left out', async () => {
  // In chunks, the first of which is there already.
  const resume: FlakyOptions['resume'] = (_request, response) => {
    response.writeHead(200, { etag: '"v1"' }).write(content.subarray(0, 300));
    setTimeout(() => response.end(content.subarray(300)), 20);
  };
  const file = inFolder('no-rest.bin');
  assert.is((await downloadFlaky(file, { pieces: [1000], resume })).bytes, 5000);
  assert.ok(readFileSync(file).equals(content));
});

test('a rest that is longer than announced is RESPONSE', async () => {
  const resume: FlakyOptions['resume'] = (_request, response) =>
    void response.writeHead(206, { 'content-range': 'bytes 1000-4999/5000' }).end(content);
  const error = await rejection(downloadFlaky(inFolder('long.bin'), { pieces: [1000], resume }), GraphClientError);
  assert.is(error.code, 'RESPONSE');
});

test('after a break before the first byte, the whole file is taken', async () => {
  const resume: FlakyOptions['resume'] = (_request, response) =>
    void response.writeHead(200, { etag: '"v1"' }).end(content);
  assert.is((await downloadFlaky(inFolder('whole.bin'), { pieces: [0], resume })).bytes, 5000);
});

for (const [what, code, headers, body] of [
  ['a part that the caller did not ask for', 206, { 'content-range': 'bytes 5-9/100' }, 'hello'],
  ['a part without its range', 206, {}, 'hello'],
  ['an answer that it has only been accepted', 202, {}, ''],
  ['an answer without content', 204, {}, undefined],
] as const) {
  test(`${what} is RESPONSE, and the file stays as it was`, async () => {
    await using pair = await openPair((_request, response) => response.writeHead(code, headers).end(body));
    writeFileSync(inFolder('part.bin'), 'as it was');
    const error = await rejection(pair.client.download('/file', inFolder('part.bin')), GraphClientError);
    assert.is(error.code, 'RESPONSE');
    assert.is(readFileSync(inFolder('part.bin'), 'utf8'), 'as it was');
  });
}

for (const status of [410, 503]) {
  test(`${status} to the request for the rest is GraphError`, async () => {
    let rests = 0;
    const resume: FlakyOptions['resume'] = (_request, response) => {
      rests++;
      response.writeHead(status, { 'retry-after': '3600' }).end();
    };
    const error = await rejection(downloadFlaky(inFolder('gone.bin'), { pieces: [1000], resume }), GraphError);
    assert.equal([error.status, rests], [status, 1]);
    assert.equal(dropKept(), error.retryable ? kept : []);
  });
}

test('a getToken that fails while the network is away is asked again; one that fails for good ends the download', async () => {
  const download = (retryable: boolean): [Error, ReturnType<typeof downloadFlaky>] => {
    const offline = Object.assign(new Error('offline'), { retryable });
    let calls = 0;
    const getToken = async (): Promise<string> => {
      calls++;
      if (calls === 2) throw offline;
      return 'the-token';
    };
    const file = inFolder(`retryable-${retryable}.bin`);
    return [offline, downloadFlaky(file, { pieces: [1000], client: { getToken } })];
  };
  const [, goesOn] = download(true);
  const [offline, ends] = download(false);
  assert.is(await rejection(ends, Error), offline);
  assert.is((await goesOn).bytes, 5000);
});

test('a compressed answer is saved as what it means, without a total', async () => {
  await using pair = await openPair((_request, response) => {
    const zipped = gzipSync('remember the milk');
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped);
  });
  const progress: TransferProgress[] = [];
  await pair.client.download('/file', inFolder('unzipped.txt'), { onProgress: (step) => progress.push(step) });
  assert.is(readFileSync(inFolder('unzipped.txt'), 'utf8'), 'remember the milk');
  assert.equal(progress.at(-1), { done: 17 });
});

for (const wrong of [
  new TypeError('no screen'),
  Object.assign(new Error('no screen'), { retryable: true }),
  new GraphClientError('CONNECTION', 'of another call'),
]) {
  test(`${wrong.name} that onProgress throws ends the download, and is not taken for a broken connection`, async () => {
    const onProgress = (): never => {
      throw wrong;
    };
    const downloading = client().download(`${notes}:/content`, inFolder('unseen.txt'), { onProgress });
    assert.is(await rejection(downloading, Error), wrong);
    assert.not(existsSync(inFolder('unseen.txt')));
  });
}

test('if onProgress throws when the download continues after a break, the connection is released', async () => {
  const { fetch, used } = watchBodies();
  const answers: Answer[] = [
    (_request, response) => {
      response.writeHead(200, { etag: '"v1"', 'content-length': content.length }).write(content.subarray(0, 1000));
      setTimeout(() => response.destroy(), 100);
    },
    (_request, response) => void restOf(response, {}),
  ];
  await using pair = await openPair(answers, { fetch });
  const onProgress = (): void => {
    if (used(206).length > 0) throw new Error('enough');
  };
  const error = await rejection(pair.client.download('/file', inFolder('unseen.txt'), { onProgress }), Error);
  assert.is(error.message, 'enough');
  assert.equal(used(206), [true]);
});

test.run();
