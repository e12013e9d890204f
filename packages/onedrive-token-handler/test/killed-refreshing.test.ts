import { test } from 'uvu';
import { testKilledWhileRefreshing } from './killed-while-refreshing.ts';

// test-long/crowd.test.ts has a crowd of them.
testKilledWhileRefreshing(1);

test.run();
