import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatDuration, readDuration } from '../src/settings/time.ts';

for (const [text, milliseconds] of [
  ['90s', 90_000],
  ['1.5h', 5_400_000],
  ['59m50s', 3_590_000],
  ['1d12h', 129_600_000],
  ['1d2h3m4s', 93_784_000],
  ['10000d', 864_000_000_000],
] as const) {
  test(`${text} is ${milliseconds} ms`, () => assert.is(readDuration(text), milliseconds));
}

for (const text of ['', '30', 'm', '50x', '30s59m', '5m5m', '1h 30m', '-5m']) {
  test(`'${text}' is no duration`, () => assert.throws(() => readDuration(text), /1h30m/));
}

for (const text of ['10001d', `${'9'.repeat(400)}d`]) {
  test(`${text.slice(0, 9)} is too long`, () => assert.throws(() => readDuration(text), /10000d/));
}

for (const [milliseconds, text] of [
  [-1, '0 s'],
  [119_999, '119 s'],
  [5_400_000, '90 min'],
  [7_200_000, '2 h'],
  [14 * 86_400_000, '14 days'],
] as const) {
  test(`${milliseconds} ms are about ${text}`, () => assert.is(formatDuration(milliseconds), text));
}

test.run();
