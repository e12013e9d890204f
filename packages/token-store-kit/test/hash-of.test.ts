import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hashOf } from '../src/index.ts';

test('the hash of a text begins with the first digits of its SHA-256', () => {
  // FIPS 180-2, appendix B.1.
  assert.is(hashOf('abc', 12), 'ba7816bf8f01');
});

test.run();
