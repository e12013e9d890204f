// Takes about 10 s.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeProcessContract } from '../src/contract.ts';
import { leaseTimeMs } from './process-stores/lease-store.ts';
import { brokenStores } from './process-stores/open-store.ts';
import { cut, failureOf, optionsFor, testBrokenStores } from './process-stores/test-broken-stores.ts';

const contract = suite('The contract for processes, apart from broken stores,');
contract('has no sentence that no store breaks', () => {
  const cases = storeProcessContract({ ...optionsFor('', 1), cut });
  const unbroken = cases.filter(({ name }) => !Object.values(brokenStores).some(({ fails }) => fails.test(name)));
  assert.equal(
    unbroken.map(({ name }) => name),
    [],
  );
});

contract('says why a module cannot be used, and when a case takes too long', async () => {
  assert.throws(() => storeProcessContract({} as never), /^module must be a file or its URL, not undefined$/);
  const [missing] = storeProcessContract({ module: join(tmpdir(), 'missing.js') });
  assert.match(await failureOf(missing), /^process \d+ ended too early \(exit 1\)\n.*Cannot find module.*missing\.js/s);
  const [late] = storeProcessContract({ ...optionsFor('sound', leaseTimeMs), deadline: 5 });
  assert.match(await failureOf(late), /^it was not done within 5 ms\n.*with the seed \d+/);
});

contract('passes a sound store, and ends when each process has', async () => {
  // Two of them. All have to pass with each real store.
  const [task, call] = storeProcessContract({ ...optionsFor('sound', leaseTimeMs), cut, deadline: 60_000 }).slice(-2);
  assert.equal(await Promise.all([task, call].map(failureOf)), ['it passed', 'it passed']);
});

contract('gives each case a place in a new folder, and leaves nothing behind', async () => {
  const { TMPDIR } = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'places-'));
  const module = join(folder, 'open.mjs');
  writeFileSync(module, 'export const open = (place) => { throw new Error("not at " + place); };');
  process.env.TMPDIR = folder;
  try {
    const [told] = await Promise.all(storeProcessContract({ module }).map(failureOf));
    if (process.platform !== 'win32') assert.ok(told?.includes(`not at ${join(folder, 'store-')}`), told);
    assert.equal(readdirSync(folder), ['open.mjs']);
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(folder, { recursive: true });
  }
});
contract.run();

testBrokenStores(false);
