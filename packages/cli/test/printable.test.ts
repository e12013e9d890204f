import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printable } from '../src/terminal/printable.ts';

test('text in any language stays as it is, with its line breaks and tabs', () => {
  const text = 'Ada Lovelace\tä ß 漢字 עברית 🦊\r\nnext\n';
  assert.is(printable(text), text);
});

for (const [what, text] of [
  ['escape sequences', '\u001b[2J'],
  ['C1 control sequences', '\u009b2J'],
  ['carriage returns that would overwrite the line', 'harmless\rmalicious'],
  ['bell, backspace and delete', '\u0007\b\u007f'],
  ['right-to-left overrides', 'gnp.\u202eexe'],
  ['isolates', '\u2066x\u2069'],
] as const) {
  test(`${what} become replacement characters`, () => {
    const shown = printable(text);
    assert.match(shown, '\u{fffd}');
    assert.not.match(shown, /\r|[^\P{Cc}]|[\u202a-\u202e\u2066-\u2069]/u);
  });
}

test.run();
