import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTokenStore, type TokenRecord } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listAppNames, moveTokens, readRecord } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'move-'));
test.after(() => rmSync(folder, { recursive: true }));

export const record: TokenRecord = {
  refreshToken: 'secret',
  clientId: 'client',
  authority: 'https://id.example',
  scope: 'a b',
};
/** Keys, not passphrases: to derive keys from those takes long. */
export const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
let files = 0;

/** A file, with a record of `my-app` if one is given. */
export function newFile(stored?: TokenRecord, key?: Uint8Array): string {
  files++;
  const path = join(folder, `${files}.db`);
  if (stored) write(path, stored, key);
  return path;
}

export function write(path: string, stored: TokenRecord, key?: Uint8Array): void {
  using store = openTokenStore(path, key === undefined ? {} : { key });
  store.set('my-app', stored);
}

export const read = (dbFilepath: string): Promise<TokenRecord | undefined> => readRecord('my-app', { dbFilepath });

/** Starts a move, and kills it before its write number `writes`. Returns what it printed, if it ended by itself. */
export function moveAndKill(from: string, to: string, writes: number): string {
  const program = join(import.meta.dirname, 'killed-moving.ts');
  const { stdout, signal } = spawnSync(process.execPath, [program, from, to, `${writes}`], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
  });
  assert.ok(signal === null || signal === 'SIGKILL');
  return stdout;
}

export function move(from: string, to: string): ReturnType<typeof moveTokens> {
  return moveTokens('my-app', { from: { dbFilepath: from }, to: { dbFilepath: to } });
}

/** How often a move writes. */
export const writesOfMove = 6;

/** A move that is killed before it has written once more loses nothing, and the next one finishes it. */
export async function assertMoveGoesOn(writes: number): Promise<void> {
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
}
