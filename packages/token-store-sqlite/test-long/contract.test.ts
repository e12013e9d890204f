// Takes about 20 s.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { storeProcessContract } from 'token-store-kit/contract';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const module = new URL('../test/programs/open-store.ts', import.meta.url);
const newPlace = (): string => join(temporaryDirectory(), 'tokens.db');
const removePlace = (path: string): void => {
  const database = new Database(path);
  assert.is(database.pragma('integrity_check', { simple: true }), 'ok');
  database.close();
};
/** `ROUNDS=200` kills a thousand processes. Each run kills at other moments. */
const rounds = Number(process.env.ROUNDS ?? 5);
const cases = storeProcessContract({ module, newPlace, removePlace, rounds });
for (const { name, run } of cases) test(`${rounds} times: ${name}`, run);

test.run();
