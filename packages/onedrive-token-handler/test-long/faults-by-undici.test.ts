// Takes about 8 s.
import { Agent } from 'undici';
import { test } from 'uvu';
import { testFaults } from '../test/fault-cases.ts';

const dispatcher = new Agent();
test.after(() => dispatcher.close());

testFaults({ name: 'a dispatcher of undici', options: { dispatcher } });

test.run();
