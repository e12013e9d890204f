import { existsSync } from 'node:fs';
import { openTokenStore, type TokenRecord } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { forgetTokens, listAppNames, moveTokens, readRecord } from '../src/index.ts';
import {
  assertMoveGoesOn,
  move,
  moveAndKill,
  newFile,
  one,
  read,
  record,
  two,
  write,
  writesOfMove,
} from './moved-files.ts';
import { openScene, rejection } from './scene.ts';

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

// test-long/move-tokens.test.ts has the other writes.
for (const writes of [0, 4, writesOfMove]) {
  test(`a move that is killed after ${writes} of ${writesOfMove} writes loses nothing, and the next one finishes it`, () =>
    assertMoveGoesOn(writes));
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
