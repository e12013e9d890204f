import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import promises from 'node:fs/promises';
import { join } from 'node:path';
import { startCommand } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClient } from '../src/index.ts';
import { openOddGraph } from './odd-graph.ts';
import { openPair } from './odd-pair.ts';
import { quickenWaits } from './quick-waits.ts';
import { rejection } from './rejection.ts';
import { replaceBuiltin } from './replace-builtin.ts';

const isLinux = existsSync('/proc/sys/kernel/random/boot_id');
const folder = temporaryDirectory();
test.after(quickenWaits());

const content = Buffer.from('0123456789'.repeat(500));

let etag = '"v1"';
/** A server that sends 1,000 bytes of a whole file and stalls, and sends every rest. */
const stalling = await openOddGraph(({ headers }, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  if (headers.range && headers['if-range'] === etag) {
    const rest = content.subarray(from);
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { etag, 'content-range': range, 'content-length': rest.length }).end(rest);
  } else {
    response.writeHead(200, { etag, 'content-length': content.length }).write(content.subarray(0, 1_000));
  }
});
test.after(() => stalling[Symbol.asyncDispose]());
const client = new GraphClient({ root: stalling.origin, getToken: async () => 'the-token', idleTimeout: 1_000 });

const parts = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.part'));

const file = join(folder, 'download');
/** The name of what the killed process has left. */
let left = '';

/** Starts a download in a process of its own, and kills it when 1,000 bytes are in the file. */
async function killDownloading(): Promise<void> {
  const program = `import { GraphClient } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const client = new GraphClient({ root: ${JSON.stringify(stalling.origin)}, getToken: async () => 'the-token' });
    await client.download('/file', ${JSON.stringify(file)});`;
  const child = startCommand([process.execPath, '--input-type=module', '-e', program], { name: 'the download' });
  await until(() => parts().some((name) => statSync(join(folder, name)).size === 1_000));
  child.kill();
  await child.ended;
  left = parts()[0] ?? '';
}

/** Leaves that again, in a folder that has no other part. */
function leaveAgain(bytes = content.subarray(0, 1_000)): void {
  for (const name of parts()) rmSync(join(folder, name));
  writeFileSync(join(folder, left), bytes);
}

test('what a killed process has left of a download is used by the next one', async () => {
  await killDownloading();
  assert.is(parts().length, 1);
  writeFileSync(file, 'old', { mode: 0o600 });
  const reports: number[] = [];
  const onProgress = ({ done }: { done: number }): void => {
    reports.push(done);
    if (isLinux) assert.is(statSync(join(folder, parts()[0] ?? '')).mode & 0o077, 0, 'others could read the part');
  };
  assert.equal(await client.download('/file', file, { onProgress }), { bytes: content.length });
  assert.ok(readFileSync(file).equals(content));
  if (isLinux) assert.is(reports[0], 1_000, 'it began where the killed process stopped');
  if (isLinux) assert.is(statSync(file).mode & 0o777, 0o600, 'what only its owner could read stays so');
  assert.equal(parts(), []);
});

test('what an aborted download has left is used by the next one, of the same process', async () => {
  const controller = new AbortController();
  const reason = new Error('the user has had enough');
  const aborted = client.download('/file', file, {
    signal: controller.signal,
    onProgress: ({ done }) => done > 0 && controller.abort(reason),
  });
  assert.is(await rejection(aborted, Error), reason);
  const reports: number[] = [];
  await client.download('/file', file, { onProgress: ({ done }) => reports.push(done) });
  assert.is(reports[0], isLinux ? 1_000 : 0);
  assert.ok(readFileSync(file).equals(content));
  assert.equal(parts(), []);
});

test('a name of any length that the system takes is saved, and gone on with', async () => {
  for (const name of ['語'.repeat(85), 'a'.repeat(255)]) {
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }): unknown => done > 0 && controller.abort();
    const aborted = client.download('/file', join(folder, name), { signal: controller.signal, onProgress });
    assert.is((await rejection(aborted, Error)).name, 'AbortError');
    assert.is(parts().length, isLinux ? 1 : 0);
    assert.equal(await client.download('/file', join(folder, name)), { bytes: content.length });
    assert.ok(readFileSync(join(folder, name)).equals(content));
    assert.equal(parts(), []);
  }
});

test('what an earlier process with the same id has left, as in a container that starts again, is used', async () => {
  leaveAgain();
  const again = join(folder, left.replace(/-\d+(-\w+\.part)$/, `-${process.pid}$1`));
  renameSync(join(folder, left), again);
  utimesSync(again, 1e9, 1e9);
  const reports: number[] = [];
  const times: number[] = [];
  await client.download('/file', file, {
    onProgress({ done }) {
      reports.push(done);
      times.push(...parts().map((name) => statSync(join(folder, name)).mtimeMs));
    },
  });
  if (isLinux) assert.is(reports[0], 1_000);
  assert.ok(
    times.every((time) => time > 1e12),
    'another download of this process does not take it',
  );
  assert.equal(parts(), []);
});

for (const [writer, pid, writtenAt] of [
  ['another process that still runs', process.ppid, 1e12],
  ['this process since its start', process.pid, performance.timeOrigin + 50],
] as const)
  test(`the part that is written by ${writer} is left alone`, async () => {
    leaveAgain();
    const running = left.replace(/-\d+(-\w+\.part)$/, `-${pid}$1`);
    renameSync(join(folder, left), join(folder, running));
    utimesSync(join(folder, running), writtenAt / 1_000, writtenAt / 1_000);
    assert.equal(await client.download('/file', file), { bytes: content.length });
    assert.equal(parts(), [running]);
  });

test('if a process that this one cannot see, in another container, goes on with the same part, the file is whole', async () => {
  leaveAgain();
  const onProgress = ({ done }: { done: number }): void => {
    const part = join(folder, parts()[0] ?? '');
    if (done === 1_000) writeFileSync(part, content.subarray(1_000, 1_500), { flag: 'a' });
  };
  await client.download('/file', file, { onProgress });
  assert.ok(readFileSync(file).equals(content));
});

test('what is left of another version is deleted', async () => {
  leaveAgain();
  etag = '"v2"';
  const reports: number[] = [];
  await client.download('/file', file, { onProgress: ({ done }) => reports.push(done) });
  etag = '"v1"';
  assert.is(reports[0], 0);
  assert.ok(readFileSync(file).equals(content));
  assert.equal(parts(), []);
});

test('if a killed process has left all of it, nothing is asked for', async () => {
  if (!isLinux) return console.log('skipped: only Linux tells whether what is left may be gone on with');
  leaveAgain(content);
  const before = stalling.requests.length;
  assert.equal(await client.download('/file', file), { bytes: content.length });
  assert.is(stalling.requests.length, before + 1);
  assert.ok(readFileSync(file).equals(content));
  assert.equal(parts(), []);
});

/** Makes of what was left something that another user may have put there. */
const planted: [what: string, make: (part: string) => void][] = [
  ['has another name elsewhere', (part) => linkSync(part, join(folder, 'elsewhere'))],
  [
    'is a link',
    (part) => {
      renameSync(part, join(folder, 'somewhere'));
      symlinkSync('somewhere', part);
    },
  ],
];
if (process.getuid?.() === 0) planted.push(["is another user's", (part) => chownSync(part, 65_534, 65_534)]);
for (const [what, make] of planted) {
  test(`what is left and ${what} is not gone on with`, async () => {
    leaveAgain();
    make(join(folder, left));
    const reports: number[] = [];
    await client.download('/file', file, { onProgress: ({ done }) => reports.push(done) });
    assert.is(reports[0], 0);
    assert.ok(readFileSync(file).equals(content));
  });
}

test('what is left and cannot be opened is not gone on with', async () => {
  leaveAgain();
  const restore = replaceBuiltin(promises, 'open', (open) => async (path, flags, mode) => {
    if (typeof flags === 'number') throw new Error('no');
    return open(path, flags, mode);
  });
  assert.equal(await client.download('/file', file).finally(restore), { bytes: content.length });
  assert.equal(parts(), []);
});

test('what is left on a file system without modes is gone on with', async () => {
  if (!isLinux) return console.log('skipped: not gone on with here');
  leaveAgain();
  const restore = replaceBuiltin(promises, 'open', (open) => async (path, flags, mode) => {
    const chmod = () => Promise.reject(new Error('no'));
    return Object.assign(await open(path, flags, mode), { chmod });
  });
  const reports: number[] = [];
  const onProgress = ({ done }: { done: number }) => reports.push(done);
  await client.download('/file', file, { onProgress }).finally(restore);
  assert.is(reports[0], 1_000);
});

for (const mode of [0o444, 0o666]) {
  test(`a file of mode ${mode.toString(8)} keeps it, and what is left of it can be written again`, async () => {
    if (!isLinux) return console.log('skipped: not gone on with here');
    const file = join(folder, `mode-${mode}`);
    writeFileSync(file, 'old');
    chmodSync(file, mode);
    const modes: number[] = [];
    await client.download('/file', file, {
      onProgress: () => modes.push(...parts().map((name) => statSync(join(folder, name)).mode & 0o200)),
    });
    assert.equal([...new Set(modes)], [0o200]);
    assert.is(statSync(file).mode & 0o777, mode);
  });
}

test('what this process downloads is left alone, and so is a file that is named alike', async () => {
  await using pair = await openPair((_request, response) => {
    response.writeHead(200, { etag: '"v1"', 'content-length': 5 }).end('hello');
  });
  const names = ['mine.none-00000000-999999999-00000000.part', 'mine.txt.part', 'mine.part'];
  for (const name of names) writeFileSync(join(folder, name), 'x');
  await Promise.all([1, 2, 3].map(() => pair.client.download('/file', join(folder, 'mine'))));
  assert.is(readFileSync(join(folder, 'mine'), 'utf8'), 'hello');
  assert.equal(parts().sort(), names.sort());
});

test('what is left of a file without a strong tag is deleted, and what is left of another file is not', async () => {
  await using pair = await openPair((_request, response) => response.setHeader('etag', 'W/"v1"').end('hello'));
  const file = join(folder, 'untagged');
  const ofThis = (): string | undefined => parts().find((name) => name.startsWith('untagged.'));
  let part = '';
  await pair.client.download('/file', file, { onProgress: () => (part ||= ofThis() ?? '') });
  const left = part.replace(`-${process.pid}-`, '-999999999-');
  const other = join(folder, left.replace('untagged', 'anything'));
  for (const path of [join(folder, left), other]) writeFileSync(path, 'h');
  await pair.client.download('/file', file);
  assert.is(ofThis(), undefined);
  assert.ok(existsSync(other));
  rmSync(other);
});

test('what is left and cannot be deleted does not stop a download', async () => {
  await using pair = await openPair((_request, response) => {
    response.writeHead(200, { etag: '"v1"', 'content-length': 5 }).end('hello');
  });
  const file = join(folder, 'beside');
  let part = '';
  await pair.client.download('/file', file, {
    onProgress: () => (part ||= parts().find((name) => name.startsWith('beside.')) ?? ''),
  });
  // The part of a process that has ended, and a folder: not a file that can be deleted.
  const left = join(folder, part.replace(`-${process.pid}-`, '-999999999-'));
  mkdirSync(left);
  assert.equal(await pair.client.download('/file', file), { bytes: 5 });
  assert.ok(existsSync(left));
});

test.run();
