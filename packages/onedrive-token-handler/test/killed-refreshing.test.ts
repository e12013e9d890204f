import { test } from 'uvu';
import { testKilledWhileRefreshing } from './killed-while-refreshing.ts';

testKilledWhileRefreshing(3);

test.run();
