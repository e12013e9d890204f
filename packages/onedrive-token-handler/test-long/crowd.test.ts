// Takes about 30 s.
import { test } from 'uvu';
import { testKilledWhileRefreshing } from '../test/killed-while-refreshing.ts';
import { testKilledWhileSigningIn } from '../test/killed-while-signing-in.ts';

testKilledWhileRefreshing(31);
testKilledWhileSigningIn(7);

test.run();
