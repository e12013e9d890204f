import { test } from 'uvu';
import { testFaults } from './fault-cases.ts';

testFaults({ name: 'node:https', isSecure: true });

test.run();
