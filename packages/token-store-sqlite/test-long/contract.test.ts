// Takes about 30 s.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { storeProcessContract } from 'token-store-kit/contract';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const module = new URL('../test/programs/open-store.ts', import.meta.url);
// In memory, if there is such a folder: what processes do to each other needs no disk.
const folder = existsSync('/dev/shm') ? '/dev/shm' : undefined;
// A process starts faster with what the others have compiled.
process.env.NODE_COMPILE_CACHE = process.env.TEST_COMPILE_CACHE ?? '';
const newPlace = (): string => join(temporaryDirectory(folder), 'tokens.db');
const removePlace = (path: string): void => {
  const database = new Database(path);
  assert.is(database.pragma('integrity_check', { simple: true }), 'ok');
  database.close();
};
const names = 16;
const rounds = Number(process.env.ROUNDS ?? 20);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
console.log(`measured: ${2 * names * rounds} histories of 200 calls, SEED=${seed} ROUNDS=${rounds}`);
for (const { name, run } of storeProcessContract({ module, newPlace, removePlace, names, rounds, seed }))
  test(name, run);

test.after(() => {
  delete process.env.NODE_COMPILE_CACHE;
});
test.run();
