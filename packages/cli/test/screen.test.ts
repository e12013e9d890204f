import fs from 'node:fs';
import { mock } from 'node:test';
import tty from 'node:tty';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Screen } from '../src/terminal/screen.ts';

const { writeSync } = fs;
const { isatty } = tty;
const erased = '\r\u001b[2K';
let written = '';
test.before.each(() => {
  written = '';
  tty.isatty = () => true;
  const writeNext = (_: number, bytes: Buffer): number => {
    written += bytes;
    return bytes.length;
  };
  Object.assign(fs, { writeSync: writeNext });
  mock.timers.enable({ apis: ['setInterval'] });
});
test.after.each(() => {
  tty.isatty = isatty;
  Object.assign(fs, { writeSync });
  mock.timers.reset();
});

/** What has been written since the last call. */
function shown(): string {
  const text = written;
  written = '';
  return text;
}

test('the last line is drawn 8 times a second, comes after what stays, and is gone at the end', () => {
  using screen = new Screen({ TERM: 'xterm', LANG: 'C' });
  let seconds = 9;
  screen.spin(() => `${seconds} s`);
  assert.is(shown(), '| 9 s');
  seconds = 8;
  mock.timers.tick(125);
  assert.is(shown(), `${erased}/ 8 s`);
  screen.say('it stays');
  assert.is(shown(), `${erased}it stays\n/ 8 s`);
  screen.spin(() => 'more');
  assert.is(shown(), '', 'the next time it is drawn');
  mock.timers.tick(250);
  assert.is(shown(), `${erased}- more${erased}\\ more`);
  screen.clear();
  assert.is(shown(), erased);
  screen.clear();
  mock.timers.tick(1000);
  screen.say('alone');
  assert.is(shown(), 'alone\n');
  screen.spin(() => 'again');
  assert.is(shown(), '| again');
});

test('a line that is too long for the terminal is cut, and the characters are those that it has', () => {
  const { columns = 80 } = process.stderr;
  using screen = new Screen({ TERM: 'xterm', LANG: 'C.UTF-8', WT_SESSION: '1' });
  screen.spin(() => '\u0007'.padEnd(200, 'x'));
  assert.is(shown(), '⠋ \u{fffd}'.padEnd(columns - 1, 'x'));
});

test('a terminal without control sequences, and what is no terminal, get the lines that stay alone', () => {
  for (const [env, isTerminal] of [
    [{ TERM: 'dumb' }, true],
    [{ TERM: 'xterm' }, false],
  ] as const) {
    tty.isatty = () => isTerminal;
    using screen = new Screen(env);
    screen.spin(() => 'x');
    mock.timers.tick(500);
    screen.say('it stays');
    assert.is(shown(), 'it stays\n');
  }
});

test.run();
