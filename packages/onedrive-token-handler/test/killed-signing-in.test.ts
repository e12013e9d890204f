import { test } from 'uvu';
import { testKilledWhileSigningIn } from './killed-while-signing-in.ts';

// test-long/crowd.test.ts has a crowd of them.
testKilledWhileSigningIn(1);

test.run();
