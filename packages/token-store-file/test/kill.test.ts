import { test } from 'uvu';
import { testKills } from './kill-writers.ts';

// test-long/kill.test.ts kills more.
testKills(9, Number(process.env.SEED ?? Date.now() % 1e6));
test.run();
