// Takes about 8 s.
import { test } from 'uvu';
import { testFaults } from '../test/fault-cases.ts';

testFaults({ name: 'node:https', isSecure: true });

test.run();
