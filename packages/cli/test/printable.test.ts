import fs from 'node:fs';
import tty from 'node:tty';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printable, tellErr, tellOut, wrap, writeAnswer } from '../src/terminal/printable.ts';

test('what could control a terminal becomes replacement characters', () => {
  assert.is(printable('ä\t\u001b[2J\n'), 'ä\t\u{fffd}[2J\n');
});

for (const [what, text, expected] of [
  ['a line that fits', 'one two three four', ['one two three four']],
  ['a long line', 'one two three four five', ['one two three four', 'five']],
  ['several lines', 'one two three four five\n\nsix\n', ['one two three four', 'five', '', 'six', '']],
  ['an indented line', '  one two three four', ['  one two three', '  four']],
  ['the value of a name', 'Name  one two three', ['Name  one two', '      three']],
  ['the value of a long name', 'A longer name  one two', ['A longer name  one', '  two']],
  ['a word that is longer than a line', 'see https://example.com/a/b/c now', ['see https://example.com/a/b/c', 'now']],
  [
    'a longer word after a full line',
    'one two three four https://a.example/b',
    ['one two three four', 'https://a.example/b'],
  ],
  ['a word that fits in the next line', 'see below: example.com/a/b', ['see below:', 'example.com/a/b']],
  ['a command to copy', 'No. Run: do it -x y. Or not', ['No.', 'Run: do it -x y.', 'Or not']],
  ['a long command to copy', 'Run: do this and that -x y', ['Run: do this and that -x y']],
  ['an example', '  $ do this and that -x y', ['  $ do this and that -x y']],
] as const) {
  test(`${what} breaks at words`, () => {
    assert.equal(wrap(text, 18).split('\n'), expected);
  });
}

for (const [terminal, columns, expected] of [
  [1, 9, '<1a\u{fffd}b><1one two\nthree><2one two three>'],
  [2, 9, '<1a\u0007b><1one two three><2one two\nthree>'],
  // Its width is not known.
  [1, 0, '<1a\u{fffd}b><1one two three><2one two three>'],
] as const) {
  test(`each stream gets what it can show: ${terminal} is a terminal with ${columns} columns`, () => {
    const { isatty } = tty;
    const { writeSync } = fs;
    let written = '';
    const note = (descriptor: number, bytes: Buffer): number => {
      written += `<${descriptor}${bytes}>`;
      return bytes.length;
    };
    tty.isatty = (descriptor) => descriptor === terminal;
    Object.assign(fs, { writeSync: note });
    Object.assign(process.stdout, { columns: terminal === 1 ? columns : 3 });
    Object.assign(process.stderr, { columns: terminal === 2 ? columns : 3 });
    writeAnswer('a\u0007b');
    tellOut('one two three');
    tellErr('one two three');
    for (const stream of [process.stdout, process.stderr]) Reflect.deleteProperty(stream, 'columns');
    Object.assign(fs, { writeSync });
    tty.isatty = isatty;
    assert.is(written, expected);
  });
}

test.run();
