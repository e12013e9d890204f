import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printable } from '../src/terminal/printable.ts';

test('what could control a terminal becomes replacement characters', () => {
  assert.is(printable('ä\t\u001b[2J\n'), 'ä\t\u{fffd}[2J\n');
});

test.run();
