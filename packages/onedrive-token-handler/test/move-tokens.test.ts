import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTokenStore, type TokenRecord } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { forgetTokens, listAppNames, moveTokens, readRecord } from '../src/index.ts';
import { openScene, rejection } from './scene.ts';

const folder = mkdtempSync(join(tmpdir(), 'move-'));
test.after(() => rmSync(folder, { recursive: true }));

const record: TokenRecord = {
  refreshToken: 'secret',
  clientId: 'client',
  authority: 'https://id.example',
  scope: 'a b',
};
/** Not passphrases: to derive keys from those takes long. */
const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
let files = 0;

/** A file, with a record of `my-app` if one is given. */
function newFile(stored?: TokenRecord, key?: Uint8Array): string {
  files++;
  const path = join(folder, `${files}.db`);
  if (stored) write(path, stored, key);
  return path;
}

function write(path: string, stored: TokenRecord, key?: Uint8Array): void {
  using store = openTokenStore(path, key === undefined ? {} : { key });
  store.set('my-app', stored);
}

const read = (dbFilepath: string): Promise<TokenRecord | undefined> => readRecord('my-app', { dbFilepath });

/** Starts a move, and kills it before its write number `writes`. Returns what it printed, if it ended by itself. */
function moveAndKill(from: string, to: string, writes: number): string {
  const program = join(import.meta.dirname, 'killed-moving.ts');
  const { stdout, signal } = spawnSync(process.execPath, [program, from, to, `${writes}`], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
  });
  assert.ok(signal === null || signal === 'SIGKILL');
  return stdout;
}

function move(from: string, to: string): ReturnType<typeof moveTokens> {
  return moveTokens('my-app', { from: { dbFilepath: from }, to: { dbFilepath: to } });
}

test('the whole record moves, from a file with one key to a file with another', async () => {
  const [from, to] = [newFile(record, one), newFile()];
  const moving: TokenRecord[] = [];
  const outcome = await moveTokens('my-app', {
    from: { dbFilepath: from, encryptionKey: one },
    to: { dbFilepath: to, encryptionKey: two },
    onMove: (moved) => moving.push(moved),
  });
  assert.is(outcome, 'moved');
  assert.equal(moving, [record]);
  assert.equal(await readRecord('my-app', { dbFilepath: to, encryptionKey: two }), record);
  using source = openTokenStore(from, { key: one });
  assert.equal(source.list(), []);
});

test('a sign-in of that name that is already there stays, and so does the one that was to move', async () => {
  const [from, to] = [newFile(record), newFile({ ...record, refreshToken: 'other' })];
  assert.is(await move(from, to), 'already-there');
  assert.equal(await read(from), record);
  assert.is((await read(to))?.refreshToken, 'other');
});

test('if nothing is stored, no file is made', async () => {
  const [from, to] = [newFile(), newFile()];
  assert.is(await move(from, to), 'not-signed-in');
  write(from, record);
  await forgetTokens('my-app', { dbFilepath: from });
  assert.is(await move(from, to), 'not-signed-in');
  assert.not(existsSync(to));
});

test('a target that cannot be opened changes nothing at the source', async () => {
  const [from, to] = [newFile(record), newFile(record, one)];
  assert.is((await rejection(move(from, to))).code, 'STORE');
  assert.equal(await read(from), record);
});

const writesOfMove = 6;
for (let writes = 0; writes <= writesOfMove; writes++) {
  test(`a move that is killed after ${writes} of ${writesOfMove} writes loses nothing, and the next one finishes it`, async () => {
    const [from, to] = [newFile(record), newFile()];
    assert.is(moveAndKill(from, to, writes), writes === writesOfMove ? 'moved\n' : '');
    const usable = [await read(from), await read(to)].filter(Boolean);
    assert.ok(usable.length <= 1, 'it is usable in both');
    const listed = [await listAppNames({ dbFilepath: from }), await listAppNames({ dbFilepath: to })];
    assert.equal([...new Set(listed.flat())], ['my-app']);
    assert.is(await move(from, to), writes === writesOfMove ? 'not-signed-in' : 'moved');
    assert.equal(await read(to), record);
    using source = openTokenStore(from);
    using target = openTokenStore(to);
    assert.equal([source.list(), target.list()], [[], ['my-app']]);
  });
}

/** After these writes, the source cannot use the sign-in any more, and the target not yet. */
const writesUntilBetween = 4;

test('what a refresh stored after the first writes is what moves', async () => {
  const [from, to] = [newFile(record), newFile()];
  moveAndKill(from, to, writesUntilBetween - 1);
  write(from, { ...record, refreshToken: 'rotated' });
  assert.is(await move(from, to), 'moved');
  assert.is((await read(to))?.refreshToken, 'rotated');
});

test('the token that the target refreshed before the move was finished stays', async () => {
  const [from, to] = [newFile(record), newFile()];
  moveAndKill(from, to, writesUntilBetween + 1);
  write(to, { ...record, refreshToken: 'rotated' });
  assert.is(await move(from, to), 'moved');
  assert.is((await read(to))?.refreshToken, 'rotated');
  assert.equal(await listAppNames({ dbFilepath: from }), []);
});

test('after a sign-out in the middle of a move, nothing comes back', async () => {
  const [from, to] = [newFile(record), newFile()];
  moveAndKill(from, to, writesUntilBetween);
  assert.is(await read(from), undefined);
  assert.is(await forgetTokens('my-app', { dbFilepath: from }), true);
  assert.is(await move(from, to), 'not-signed-in');
  assert.is(await read(to), undefined);
});

test('the result of a refresh that was sent is stored first, and moves', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  scene.authority.fail('token', { type: 'slow', ms: 400 });
  const token = scene.handler({ interactive: false }).getToken();
  await scene.untilRefreshing();
  const to = newFile();
  assert.is(await move(scene.dbFilepath, to), 'moved');
  assert.is((await read(to))?.accessToken, await token);
});

test.run();
