import { test } from 'uvu';
import { assertOneRefresh, assertOneWindow } from './many-processes.ts';

// test-long/processes.test.ts has more of them.
test('3 processes with 32 calls each at expiry make one refresh, and all get the same token', () =>
  assertOneRefresh(3));

test('2 processes without a sign-in open one browser window, and all get its token', () => assertOneWindow(2));

test.run();
