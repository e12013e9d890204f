// Takes about 25 s.
import { test } from 'uvu';
import { testKills } from '../test/kill-writers.ts';

// `KILLS=1000` was run by hand, and has proven nothing that these do not.
testKills(Number(process.env.KILLS ?? 200), Number(process.env.SEED ?? Date.now() % 1e6));
test.run();
