// Takes about 120 s.
import { test } from 'uvu';
import { testKills } from '../test/kill-writers.ts';

testKills(Number(process.env.KILLS ?? 1_000), Number(process.env.SEED ?? Date.now() % 1e6));
test.run();
