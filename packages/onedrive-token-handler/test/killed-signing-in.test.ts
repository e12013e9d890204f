import { test } from 'uvu';
import { testKilledWhileSigningIn } from './killed-while-signing-in.ts';

testKilledWhileSigningIn(2);

test.run();
