import { test } from 'uvu';
import { assertRandom } from '../test/assert-random.ts';

test('100,000 states are 43 base64url characters, all are different, and each bit is set in half of them', () =>
  assertRandom(100_000));

test.run();
