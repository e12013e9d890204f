// Takes about 30 s.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { folderInMemory, manyHistories, testProcesses } from 'testing-authority/process-cases';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { storeProcessContract } from 'token-store-kit/contract';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const module = new URL('../test/programs/open-store.ts', import.meta.url);
const newPlace = (): string => join(temporaryDirectory(folderInMemory), 'tokens.db');
const removePlace = (path: string): void => {
  const database = new Database(path);
  assert.is(database.pragma('integrity_check', { simple: true }), 'ok');
  database.close();
};
testProcesses(test, storeProcessContract({ module, newPlace, removePlace, ...manyHistories(20) }));
