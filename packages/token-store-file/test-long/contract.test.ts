// Takes about 30 s.
import { join } from 'node:path';
import { folderInMemory, manyHistories, testProcesses } from 'testing-authority/process-cases';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { storeProcessContract } from 'token-store-kit/contract';
import { test } from 'uvu';

const module = new URL('../test/programs/open-store.ts', import.meta.url);
const newPlace = (): string => join(temporaryDirectory(folderInMemory), 'tokens.json');
testProcesses(test, storeProcessContract({ module, newPlace, ...manyHistories(10) }));
