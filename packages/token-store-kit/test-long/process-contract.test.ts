// Takes about 20 s.
import { suite } from 'uvu';
import { storeProcessContract } from '../src/contract.ts';
import { leaseTimeMs } from '../test/process-stores/lease-store.ts';
import { optionsFor, testBrokenStores } from '../test/process-stores/test-broken-stores.ts';

// A store whose lock ends with its process is in readme.test.ts.
const test = suite('Of processes with a store whose lock is a lease');
for (const { name, run } of storeProcessContract(optionsFor('sound', leaseTimeMs))) test(name, run);
test.run();

testBrokenStores(true);
