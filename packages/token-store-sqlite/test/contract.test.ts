import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { testProcesses } from 'testing-authority/process-cases';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { storeContract, storeProcessContract } from 'token-store-kit/contract';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type SqliteTokenStore } from '../src/index.ts';

const key = new Uint8Array(32).fill(7);
const kinds: Record<string, { key?: Uint8Array }> = { 'a SQLite store': {}, 'an encrypted SQLite store': { key } };

for (const [kind, options] of Object.entries(kinds)) {
  const test = suite(`Of ${kind}`);
  const cases = storeContract<SqliteTokenStore>({
    open: () => openTokenStore(join(temporaryDirectory(), 'tokens.db'), options),
    share: (store) => openTokenStore(store.path, options),
    close: (store) => {
      store.close();
      assert.equal(readdirSync(join(store.path, '..')), ['tokens.db'], 'a file is left behind');
    },
  });
  for (const { name, run } of cases) test(name, run);
  test.run();
}

const newPlace = () => join(temporaryDirectory(), 'tokens.db');
const module = new URL('programs/open-store.ts', import.meta.url);
const removePlace = async (path: string) => {
  const store = openTokenStore(path);
  // The last one may have been killed, and then leaves its lock to the next caller.
  for (const name of ['app 0', 'app 1']) await store.exclusively(name, async () => {}, { timeout: 5_000 });
  store.close();
  assert.equal(readdirSync(dirname(path)), ['tokens.db'], 'a file is left behind');
};
testProcesses(suite('Of processes with a SQLite store'), storeProcessContract({ module, newPlace, removePlace }));
