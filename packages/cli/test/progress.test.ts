import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatSize } from '../src/commands/api/api.ts';

for (const [bytes, text] of [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1_500_000, '1.4 MiB'],
  [3 * 2 ** 30, '3.0 GiB'],
  [2 ** 50, '1024.0 TiB'],
] as const) {
  test(`${bytes} bytes are ${text}`, () => assert.is(formatSize(bytes), text));
}

test.run();
