import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { testProcesses } from 'testing-authority/process-cases';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { storeContract, storeProcessContract } from 'token-store-kit/contract';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileTokenStore, openFileTokenStore } from '../src/index.ts';

const newPlace = () => join(temporaryDirectory(), 'tokens.json');
const assertClean = (path: string) => {
  assert.ok(['tokens.json', ''].includes(readdirSync(dirname(path)).join()), 'a file is left behind');
};

const test = suite('Of a store that is a file');
const cases = storeContract<FileTokenStore>({
  open: () => openFileTokenStore(newPlace()),
  share: (store) => openFileTokenStore(store.path),
  close: (store) => {
    store.close();
    assertClean(store.path);
  },
});
for (const { name, run } of cases) test(name, run);
test.run();

const module = new URL('programs/open-store.ts', import.meta.url);
testProcesses(suite('Of processes with a store that is a file'), storeProcessContract({ module, newPlace }));
