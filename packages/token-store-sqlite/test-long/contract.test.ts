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
const newPlace = (): string => join(temporaryDirectory(folder), 'tokens.db');
const removePlace = (path: string): void => {
  const database = new Database(path);
  assert.is(database.pragma('integrity_check', { simple: true }), 'ok');
  database.close();
};
const rounds = Number(process.env.ROUNDS ?? 28);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
console.log(`measured: ${6 * rounds} histories of 200 calls, SEED=${seed} ROUNDS=${rounds}`);
for (const { name, run } of storeProcessContract({ module, newPlace, removePlace, rounds, seed })) test(name, run);

test.run();
