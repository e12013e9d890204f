import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type DriveItem,
  GraphClientError,
  GraphError,
  type TransferProgress,
  type UnfinishedUpload,
  type UploadSessions,
} from '../src/index.ts';
import type { OddRequest } from './odd-graph.ts';
import { type Answer, openPair, uploadTo, watchBodies } from './odd-pair.ts';
import { quickenWaits } from './quick-waits.ts';
import { rejection } from './rejection.ts';
import { replaceBuiltin } from './replace-builtin.ts';
import { openScene } from './scene.ts';

const { authority, client, folder, ...scene } = await openScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after(quickenWaits());
test.after.each(() => authority.clearFaults());

const pieceBytes = 10 * 1024 * 1024;
const inFolder = (name: string): string => `${folder}/${name}`;
/** A whole piece and a bit of a second one. */
const big = randomBytes(pieceBytes + 7);
writeFileSync(inFolder('big.img'), big);
writeFileSync(inFolder('small.txt'), 'hello');
writeFileSync(inFolder('empty.txt'), '');
writeFileSync(inFolder('one.txt'), '1');

/** What has been sent to the upload's address since then: `PUT` a piece, `GET` the question how far Graph is. */
function sentSince(start: number): string[] {
  const sent = authority.requests.slice(start).filter(({ endpoint }) => endpoint === 'content');
  return sent.map(({ method }) => method);
}

function sessionsMadeSince(start: number): number {
  return authority.requests.slice(start).filter(({ path }) => path.endsWith('/createUploadSession')).length;
}

async function contentOf(path: string): Promise<Buffer> {
  return Buffer.from(await (await client().request(`${path}:/content`)).arrayBuffer());
}

for (const [name, bytes] of [
  ['small.txt', Buffer.from('hello')],
  ['empty.txt', Buffer.alloc(0)],
  ['one.txt', Buffer.from('1')],
  ['big.img', big],
] as const) {
  test(`${name} is uploaded, and its item is returned`, async () => {
    const progress: TransferProgress[] = [];
    const item = await client().upload(`/me/drive/root:/Folder/${name}`, inFolder(name), {
      onProgress: (step) => progress.push(step),
    });
    assert.is(item.name, name);
    assert.is(item.size, bytes.length);
    assert.ok((await contentOf(`/me/drive/root:/Folder/${name}`)).equals(bytes));
    assert.equal(progress.at(0), { done: 0, total: bytes.length });
    assert.equal(progress.at(-1), { done: bytes.length, total: bytes.length });
  });
}

test('an upload replaces the item, also one that is named by its id', async () => {
  const first = await client().upload('/me/drive/root:/replaced.txt', inFolder('big.img'));
  const second = await client().upload('/me/drive/root:/replaced.txt', inFolder('small.txt'));
  assert.is(second.id, first.id);
  await using pair = await openPair([uploadTo((_request, response) => response.writeHead(201).end('{"id":"ID"}'))]);
  const ofSite = '/sites/HOST:/teams/a:/drive';
  const given = ['/me/drive/items/ID', '/me/drive/items/ID/', '/me/drive/root:/x:'];
  for (const path of [...given, `${ofSite}/items/ID`, `${ofSite}/root:/x`]) {
    await pair.client.upload(path, inFolder('small.txt'));
  }
  const created = pair.graph.requests.filter(({ method }) => method === 'POST');
  const ofId = '/me/drive/items/ID/createUploadSession';
  assert.equal(
    created.map(({ path }) => path),
    [
      ofId,
      ofId,
      '/me/drive/root:/x:/createUploadSession',
      `${ofSite}/items/ID/createUploadSession`,
      `${ofSite}/root:/x:/createUploadSession`,
    ],
  );
  assert.is(created[0]?.headers['content-type'], 'application/json');
  assert.is(created[0]?.body, '{"item":{"@microsoft.graph.conflictBehavior":"replace"}}');
});

test('a file that is deleted, but still open, is uploaded', async () => {
  if (!existsSync('/proc/self/fd')) return console.log('skipped: only Linux has names for what a process has open');
  writeFileSync(inFolder('deleted.txt'), 'hello');
  await using handle = await open(inFolder('deleted.txt'));
  rmSync(inFolder('deleted.txt'));
  assert.is((await client().upload('/me/drive/root:/deleted.txt', `/dev/fd/${handle.fd}`)).size, 5);
});

test('requestUpload returns Graph’s last answer', async () => {
  const response = await client().requestUpload('/me/drive/root:/raw.txt', inFolder('small.txt'));
  assert.is(response.status, 201);
  assert.is(((await response.json()) as DriveItem).name, 'raw.txt');
});

for (const [what, file, code, says] of [
  ['is missing', 'no-such-file', 'FILE', /^cannot read .*no-such-file: no such file or directory$/],
  ['is a folder', '.', 'NOT_A_FILE', / is not a file$/],
] as const) {
  test(`a file that ${what} is ${code}, and nothing is sent`, async () => {
    const before = authority.requests.length;
    const error = await rejection(client().upload('/me/drive/root:/x', inFolder(file)), GraphClientError);
    assert.is(error.code, code);
    assert.is(error.retryable, false);
    assert.match(error.message, says);
    assert.is(authority.requests.length, before);
  });
}

if (process.platform !== 'win32') {
  test('a pipe that has no writer is NOT_A_FILE, at once', async () => {
    assert.is(spawnSync('mkfifo', [inFolder('pipe')]).status, 0);
    const error = await rejection(client().upload('/me/drive/root:/x', inFolder('pipe')), GraphClientError);
    assert.is(error.code, 'NOT_A_FILE');
  });
} else console.log('skipped: Windows has no pipes in folders');

for (const [what, fault, sent] of [
  ['a broken connection', { type: 'drop', when: 'before' }, ['PUT', 'GET', 'PUT', 'PUT']],
  ['a failure of Graph', { type: 'status', status: 500 }, ['PUT', 'GET', 'PUT', 'PUT']],
  ['a piece whose answer was lost', { type: 'drop', when: 'after' }, ['PUT', 'GET', 'PUT']],
  ['429', { type: 'status', status: 429, retryAfter: '0' }, ['PUT', 'PUT', 'PUT']],
] as const) {
  test(`an upload goes on after ${what}`, async () => {
    authority.fail('content', fault);
    const before = authority.requests.length;
    const progress: number[] = [];
    const item = await client().upload('/me/drive/root:/again.img', inFolder('big.img'), {
      onProgress: ({ done }) => progress.push(done),
    });
    assert.is(item.size, big.length);
    assert.equal(sentSince(before), sent);
    assert.equal([...new Set(progress)], [0, pieceBytes, big.length]);
  });
}

for (const [status, answer] of [
  [201, '{"id":"1"}'],
  [200, '{"message":"blocked"}'],
  [204, undefined],
] as const) {
  test(`${status} to a piece before the last one does not count as the whole file`, async () => {
    const asked: Answer = ({ method, headers }, response) => {
      if (method === 'GET') response.end(`{"nextExpectedRanges":["${pieceBytes}-"]}`);
      else if (headers['content-range']?.startsWith('bytes 0-')) response.writeHead(status).end(answer);
      else response.writeHead(201).end('{"id":"ID"}');
    };
    await using pair = await openPair([uploadTo(asked)]);
    assert.is((await pair.client.upload('/me/drive/root:/x', inFolder('big.img'))).id, 'ID');
    assert.equal(pair.methods(), ['POST', 'PUT', 'GET', 'PUT']);
  });
}

for (const status of [408, 416, 502, 504]) {
  test(`after ${status}, Graph is asked how far it is`, async () => {
    authority.fail('content', { type: 'status', status });
    const before = authority.requests.length;
    await client().upload('/me/drive/root:/again.txt', inFolder('small.txt'));
    assert.equal(sentSince(before), ['PUT', 'GET', 'PUT']);
  });
}

test('an upload whose piece Graph does not take five times in a row, each waited for, gives up', async () => {
  const busy: Answer = ({ method }, response) => {
    if (method === 'PUT') response.writeHead(500).end('busy');
    else response.end('{"nextExpectedRanges":["0-"]}');
  };
  const { fetch, used } = watchBodies();
  await using pair = await openPair([uploadTo(busy)], { fetch });
  const started = performance.now();
  const error = await rejection(pair.client.upload('/me/drive/root:/x', inFolder('small.txt')), GraphClientError);
  assert.equal([error.code, error.retryable], ['INCOMPLETE', true]);
  assert.match(error.message, / gave up: Graph failed \(HTTP 500\), 5 times in a row$/);
  assert.equal(pair.attempts(), [1, 2, 3, 4]);
  const delay = pair.waits.reduce((sum, wait) => sum + wait.delay, 0);
  assert.ok(performance.now() - started > (0.9 * delay) / 50);
  assert.equal(used(500), [true, true, true, true, true]);
});

test('failures are counted anew when Graph has more of the file than ever before', async () => {
  const starts = [1, 1, 2, 3];
  const failing: Answer = ({ method }, response) => {
    if (method === 'PUT') response.writeHead(starts.length > 0 ? 500 : 201).end('{"id":"ID"}');
    else response.end(JSON.stringify({ nextExpectedRanges: [`${starts.shift()}-`] }));
  };
  await using pair = await openPair([uploadTo(failing)]);
  await pair.client.upload('/me/drive/root:/x', inFolder('small.txt'));
  assert.equal(pair.attempts(), [1, 1, 2, 1]);
});

test('a file system that gives less than it is asked for is asked again, and one that fails is FILE', async () => {
  await using handle = await open(inFolder('small.txt'));
  const prototype = Object.getPrototypeOf(handle);
  const { read } = prototype;
  prototype.read = function (buffer: Buffer, offset: number, length: number, position: number) {
    return read.call(this, buffer, offset, Math.min(length, 2), position);
  };
  await client().upload('/me/drive/root:/slow.txt', inFolder('small.txt'));
  prototype.read = () => Promise.reject(new Error('input/output error'));
  const failing = client().upload('/me/drive/root:/failing.txt', inFolder('small.txt'));
  const error = await rejection(failing, GraphClientError).finally(() => Object.assign(prototype, { read }));
  assert.is(error.code, 'FILE');
  assert.is(String(await contentOf('/me/drive/root:/slow.txt')), 'hello');
});

test('a file whose end comes before its size says is sourceChanged, and nothing is stored', async () => {
  await using handle = await open(inFolder('small.txt'));
  const restore = replaceBuiltin(Object.getPrototypeOf(handle), 'read', (read) => {
    return function (this: unknown, buffer: Buffer, offset: number, length: number, position: number) {
      return read.call(this, buffer, offset, Math.min(length, 4 - position), position);
    };
  });
  const uploading = client().upload('/me/drive/root:/short.txt', inFolder('small.txt'));
  const error = await rejection(uploading, GraphError).finally(restore);
  assert.is(error.code, 'sourceChanged');
  assert.is((await rejection(client().json('/me/drive/root:/short.txt'), GraphError)).status, 404);
});

test('a file that has bytes, although its size is 0, is uploaded', async () => {
  if (!existsSync('/proc/version')) return console.log('skipped: only Linux has such files');
  await client().upload('/me/drive/root:/version', '/proc/version');
  assert.ok((await contentOf('/me/drive/root:/version')).equals(readFileSync('/proc/version')));
});

for (const [when, method] of [
  ['before it is read', 'stat'],
  ['while it is read', 'readFile'],
] as const) {
  test(`an empty file that gets bytes ${when} is sourceChanged, and nothing is sent`, async () => {
    const file = inFolder('growing.txt');
    writeFileSync(file, '');
    await using handle = await open(file);
    const restore = replaceBuiltin(Object.getPrototypeOf(handle), method, (original) => {
      return async function (this: unknown, ...args: unknown[]) {
        const result = await original.apply(this, args);
        appendFileSync(file, 'head');
        return result;
      };
    });
    const start = authority.requests.length;
    const uploading = client().upload('/me/drive/root:/growing.txt', file);
    const error = await rejection(uploading, GraphError).finally(restore);
    assert.equal([error.code, error.status], ['sourceChanged', 0]);
    assert.match(error.message, 'growing.txt changed while it was uploaded, and nothing was stored');
    assert.is(authority.requests.length, start);
  });
}

test('a session that Graph has ended is replaced by a new one', async () => {
  authority.fail('content', { type: 'status', status: 404 });
  const before = authority.requests.length;
  const item = await client().upload('/me/drive/root:/gone.img', inFolder('big.img'));
  assert.is(item.size, big.length);
  assert.is(sessionsMadeSince(before), 2);
});

test('breaks after a session that Graph has ended count anew', async () => {
  let [made, next, breaks] = [0, 0, 0];
  const take: Answer = ({ method }, response) => {
    if (method === 'PUT' && made === 2 && breaks < 2) {
      breaks++;
      return void response.destroy();
    }
    // Of five bytes, Graph takes one after the other.
    if (method === 'PUT') [next, breaks] = [next + 1, 0];
    const isGone = made === 1 && next === 5;
    const answer = next === 5 ? { id: 'complete' } : { nextExpectedRanges: [`${next}-`] };
    response.writeHead(isGone ? 404 : next === 5 ? 201 : 202).end(JSON.stringify(answer));
  };
  await using pair = await openPair((request, ...rest) => {
    if (request.method === 'POST') [made, next] = [made + 1, 0];
    uploadTo(take)(request, ...rest);
  });
  assert.is((await pair.client.upload('/me/drive/root:/small.txt', inFolder('small.txt'))).id, 'complete');
  assert.is(made, 2);
});

test('sessions that Graph ends after a byte each are INCOMPLETE', async () => {
  let made = 0;
  const take: Answer = ({ headers }, response) => {
    const isFirst = headers['content-range']?.startsWith('bytes 0-');
    response.writeHead(isFirst ? 202 : 410).end('{"nextExpectedRanges":["1-"]}');
  };
  await using pair = await openPair((request, ...rest) => {
    if (request.method === 'POST') made++;
    uploadTo(take)(request, ...rest);
  });
  const uploading = pair.client.upload('/me/drive/root:/small.txt', inFolder('small.txt'));
  const { code, retryable } = await rejection(uploading, GraphClientError);
  assert.equal([code, retryable, made], ['INCOMPLETE', true, 5]);
});

for (const [status, isKept] of [
  [401, false],
  [403, false],
  [409, false],
  [507, true],
] as const) {
  test(`an upload that Graph refuses with ${status} is ${isKept ? 'kept' : 'not kept'} in sessions`, async () => {
    authority.fail('content', { type: 'status', status });
    const sessions = new Map<string, UnfinishedUpload>();
    const before = authority.requests.length;
    const uploading = client().upload('/me/drive/root:/refused.txt', inFolder('small.txt'), { sessions });
    assert.is((await rejection(uploading, GraphError)).status, status);
    assert.equal(sentSince(before), ['PUT']);
    assert.is(sessions.size, isKept ? 1 : 0);
    await client().upload('/me/drive/root:/refused.txt', inFolder('small.txt'), { sessions });
    assert.is(sessions.size, 0);
  });
}

/** Breaks the upload of `file` off after its first piece, with its session kept. */
async function breakOff(sessions: UploadSessions, path: string, file = inFolder('big.img')): Promise<void> {
  const controller = new AbortController();
  const reason = new Error('the process has died');
  const uploading = client().upload(path, file, {
    sessions,
    signal: controller.signal,
    onProgress: ({ done }) => done > 0 && controller.abort(reason),
  });
  assert.is(await rejection(uploading, Error), reason);
}

test('with sessions, a later call goes on where an earlier one stopped', async () => {
  const sessions = new Map<string, UnfinishedUpload>();
  await breakOff(sessions, '/me/drive/root:/resumed.img');
  assert.is(sessions.size, 1);
  const [[name, kept] = []] = sessions;
  assert.is(name, `${authority.graphUrl}/me/drive/root:/resumed.img ${realpathSync(inFolder('big.img'))}`);
  assert.is(kept?.size, big.length);
  assert.is(Math.floor(kept?.modifiedAt ?? 0), Math.floor(statSync(inFolder('big.img')).mtimeMs));
  assert.ok(Number(kept?.expiresAt) > Date.now());
  const before = authority.requests.length;
  const item = await client().upload('/me/drive/root:/resumed.img', inFolder('big.img'), { sessions });
  assert.is(item.size, big.length);
  assert.is(sessionsMadeSince(before), 0);
  assert.equal(sentSince(before), ['GET', 'PUT']);
  assert.is(sessions.size, 0);
  assert.ok((await contentOf('/me/drive/root:/resumed.img')).equals(big));
});

test('a file that has changed since is uploaded from its beginning', async () => {
  const file = inFolder('changing.img');
  for (const change of [
    // Within the same millisecond.
    () => utimesSync(file, 1, 1.0003),
    () => writeFileSync(file, Buffer.concat([big, Buffer.from('more')])),
  ]) {
    const sessions = new Map<string, UnfinishedUpload>();
    writeFileSync(file, big);
    utimesSync(file, 1, 1);
    await breakOff(sessions, '/me/drive/root:/changing.img', file);
    change();
    const before = authority.requests.length;
    await client().upload('/me/drive/root:/changing.img', file, { sessions });
    assert.is(sessionsMadeSince(before), 1);
    assert.equal(sentSince(before), ['PUT', 'PUT']);
  }
});

for (const [what, change] of [
  ['has expired', (kept: UnfinishedUpload) => ({ ...kept, expiresAt: Date.now() - 1 })],
  ['has no end', (kept: UnfinishedUpload) => ({ ...kept, expiresAt: null })],
  ['has no address', (kept: UnfinishedUpload) => ({ ...kept, uploadUrl: undefined })],
  ['has an address that is none', (kept: UnfinishedUpload) => ({ ...kept, uploadUrl: 'nonsense' })],
  ['would show the file to the network', (kept: UnfinishedUpload) => ({ ...kept, uploadUrl: 'http://example.com/' })],
  ['has an address with a password', (kept: UnfinishedUpload) => ({ ...kept, uploadUrl: 'https://a:b@example.com/' })],
  ['is damaged', () => 'damaged'],
  ['is null', () => null],
] as const) {
  test(`a kept upload that ${what} is not continued`, async () => {
    const sessions = new Map<string, UnfinishedUpload>();
    // A full drive keeps the upload. A small file does here, because nothing of it is sent.
    authority.fail('content', { type: 'status', status: 507 });
    await rejection(client().upload('/me/drive/root:/fresh.txt', inFolder('small.txt'), { sessions }), GraphError);
    assert.is(sessions.size, 1);
    for (const [name, kept] of sessions) sessions.set(name, change(kept) as UnfinishedUpload);
    const before = authority.requests.length;
    await client().upload('/me/drive/root:/fresh.txt', inFolder('small.txt'), { sessions });
    assert.is(sessionsMadeSince(before), 1);
  });
}

test('a store may be asynchronous, and what it throws ends the upload', async () => {
  const map = new Map<string, UnfinishedUpload>();
  const calls: string[] = [];
  const sessions: UploadSessions = {
    get: async (name) => map.get(name),
    set: async (name, upload) => {
      calls.push('set');
      map.set(name, upload);
    },
    delete: async (name) => {
      calls.push('delete');
      map.delete(name);
    },
  };
  await client().upload('/me/drive/root:/kept.txt', inFolder('small.txt'), { sessions });
  assert.equal(calls, ['set', 'delete']);
  const broken = new Error('no disk');
  for (const method of ['get', 'set', 'delete'] as const) {
    const failing = { ...sessions, [method]: () => Promise.reject(broken) };
    const uploading = client().upload('/me/drive/root:/kept.txt', inFolder('small.txt'), { sessions: failing });
    assert.is(await rejection(uploading, Error), broken);
  }
  authority.fail('content', { type: 'status', status: 403 });
  const failing = { ...sessions, delete: () => Promise.reject(broken) };
  const refused = client().upload('/me/drive/root:/refused.txt', inFolder('small.txt'), { sessions: failing });
  assert.is(await rejection(refused, Error), broken);
});

for (const [what, change] of [
  ['becomes shorter', (file: string) => truncateSync(file, 5)],
  [
    'grows',
    (file: string) => {
      appendFileSync(file, 'more');
      utimesSync(file, 1e9, 1e9);
    },
  ],
  ['is written to', (file: string) => writeFileSync(file, Buffer.alloc(big.length))],
  [
    'is replaced by one of the same size and time',
    (file: string) => {
      const { atime, mtime } = statSync(file);
      rmSync(file);
      writeFileSync(file, big);
      utimesSync(file, atime, mtime);
    },
  ],
  ['is deleted', (file: string) => rmSync(file)],
] as const) {
  test(`a file that ${what} while it is uploaded is sourceChanged, and nothing is left`, async () => {
    const file = inFolder('unsteady.img');
    writeFileSync(file, big);
    utimesSync(file, 1e9, 1e9);
    const sessions = new Map<string, UnfinishedUpload>();
    const start = authority.requests.length;
    const uploading = client().upload('/me/drive/root:/unsteady.img', file, {
      sessions,
      onProgress: ({ done }) => done > 0 && change(file),
    });
    const error = await rejection(uploading, GraphError);
    assert.equal([error.code, error.status, error.retryable], ['sourceChanged', 0, false]);
    assert.match(error.message, 'unsteady.img changed while it was uploaded, and nothing was stored');
    assert.equal(sentSince(start), ['PUT', 'DELETE']);
    assert.is(sessions.size, 0);
    const gone = await rejection(client().json('/me/drive/root:/unsteady.img'), GraphError);
    assert.is(gone.status, 404);
  });
}

for (const [what, isPortal] of [
  ['an empty file', ({ method }: OddRequest) => method === 'PUT'],
  ['the address', ({ method }: OddRequest) => method === 'POST'],
  ['a piece', ({ path }: OddRequest) => path === '/upload'],
] as const) {
  test(`a captive portal that answers for ${what} is notGraph, and an upload that has begun is kept`, async () => {
    const portal: Answer = (_request, response) =>
      response.setHeader('content-type', 'text/html').end('<html>sign in</html>');
    await using pair = await openPair([(...args) => (isPortal(args[0]) ? portal : uploadTo(portal))(...args)]);
    const sessions = new Map<string, UnfinishedUpload>();
    const file = inFolder(what === 'an empty file' ? 'empty.txt' : 'small.txt');
    const error = await rejection(pair.client.requestUpload('/me/drive/root:/x', file, { sessions }), GraphError);
    assert.is(error.code, 'notGraph');
    assert.is(sessions.size, what === 'a piece' ? 1 : 0);
  });
}

test('what onProgress throws ends the upload', async () => {
  const wrong = new TypeError('no screen');
  const onProgress = (): never => {
    throw wrong;
  };
  const uploading = client().upload('/me/drive/root:/x', inFolder('small.txt'), { onProgress });
  assert.is(await rejection(uploading, TypeError), wrong);
});

test.run();
