import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { storeContract } from 'token-store-kit/contract';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileTokenStore, openFileTokenStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const test = suite('Of a store that is a file');
const cases = storeContract<FileTokenStore>({
  open: () => openFileTokenStore(join(temporaryDirectory(), 'tokens.json')),
  share: (store) => openFileTokenStore(store.path),
  close: (store) => {
    store.close();
    assert.ok(['tokens.json', ''].includes(readdirSync(join(store.path, '..')).join()), 'a file is left behind');
  },
});
for (const { name, run } of cases) test(name, run);
test.run();
