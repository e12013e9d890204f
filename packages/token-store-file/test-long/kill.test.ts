// Takes about 10 s.
import { test } from 'uvu';
import { testKills } from '../test/kill-writers.ts';

// Each run kills at other moments. `KILLS=1000` looks longer.
testKills(Number(process.env.KILLS ?? 80), Number(process.env.SEED ?? Date.now() % 1e6));
test.run();
