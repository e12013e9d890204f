import { test } from 'uvu';
import { assertLocked } from '../test/key-errors.ts';

const bytes = new Uint8Array(32).fill(7);
const otherBytes = new Uint8Array(32).fill(8);

for (const [kind, key] of [
  ['32 bytes', bytes],
  ['a passphrase', 'correct horse battery staple'],
] as const) {
  test(`a wrong or missing key is STORE_KEY and writes nothing, if the key is ${kind}`, () =>
    assertLocked(key, ['wrong', otherBytes]));
}

test.run();
