import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { replaceSecrets, toPlainLine, toPlainText } from '../src/plain-text.ts';

/** What could control a terminal, fake a line or disguise text. */
const unsafe: [what: string, text: string][] = [
  ['an escape sequence', '\u001b[2J'],
  ['a sequence of the C1 set', '\u009b2J'],
  ['NUL', '\u0000'],
  ['bell, backspace, delete', '\u0007\b\u007f'],
  ['vertical tab and form feed', '\v\f'],
  ['a carriage return that overwrites its line', 'harmless\rmalicious'],
  ['a carriage return at the end', 'end\r'],
  ['a next line character', '\u0085'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['an override of the reading direction', 'gnp.\u202eexe'],
  ['an embedding', '\u202ax\u202c'],
  ['isolates', '\u2066x\u2069'],
  ['direction marks', '\u200e\u200f\u061c'],
];
const unsafeCharacter = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

for (const [what, text] of unsafe) {
  test(`${what}: each character is replaced, the others stay`, () => {
    assert.not.match(toPlainText(text), unsafeCharacter);
    assert.not.match(toPlainLine(text), unsafeCharacter);
    const shown = toPlainText(text);
    assert.match(shown, '\ufffd');
    assert.is(shown.length, text.length);
    const isKept = (character: string): boolean => !unsafeCharacter.test(character);
    assert.equal(
      [...shown].filter((character) => character !== '\ufffd'),
      [...text].filter(isKept),
    );
  });
}

test('a replacement is taken literally', () => {
  assert.is(replaceSecrets('the secret', ['secret'], '$&'), 'the $&');
});

test('text of any language is unchanged, with its tabs, line ends and joiners', () => {
  const text = '\tä ß 漢字 עברית می\u200cخواهم 👩\u200d🚀\r\nnext\n\n';
  assert.is(toPlainText(text), text);
});

test('a line has single spaces and none at its ends', () => {
  assert.is(toPlainLine(' \r\n\u2028 one\t\ttwo\n\nthree \u001b four\u00a0\ufeff'), 'one two three four');
  assert.is(toPlainLine('\r\n\u0000'), '');
  assert.is(toPlainLine(''), '');
});

test('a line is cut at its greatest length, and the cut shows', () => {
  assert.is(toPlainLine('x'.repeat(500)), 'x'.repeat(500));
  assert.is(toPlainLine('x'.repeat(501)), `${'x'.repeat(500)}…`);
  assert.is(toPlainLine('abcdef', { maxLength: 3 }), 'abc…');
});

test('a cut does not halve a character', () => {
  assert.is(toPlainLine('ab🦊🦊', { maxLength: 3 }), 'ab…');
  assert.is(toPlainLine('ab🦊🦊', { maxLength: 4 }), 'ab🦊…');
  assert.is(toPlainLine('ab🦊🦊', { maxLength: 6 }), 'ab🦊🦊');
});

test('a text of 50 MB costs no time', () => {
  const text = ' \u001b'.repeat(25_000_000);
  // The best of five tries, because other programs use the processor too.
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    toPlainLine(text);
    return performance.now() - started;
  });
  assert.ok(Math.min(...times) < 100, `${times} ms`);
});

test('a secret is replaced wherever it is, also as a URL or a form encodes it', () => {
  const secret = "M.C5/4 very+secret!*'(ä)~";
  const form = new URLSearchParams({ code: secret }).toString();
  const text = `${secret} ${secret}, ?code=${encodeURIComponent(secret)}, body ${form}.`;
  assert.is(replaceSecrets(text, [secret]), '[secret] [secret], ?code=[secret], body code=[secret].');
  assert.is(replaceSecrets(text, [secret], '…'), '… …, ?code=…, body code=….');
});

test('a secret that is a part of another one leaves nothing of that one', () => {
  assert.is(replaceSecrets('x abc-def x', ['abc', 'abc-def']), 'x [secret] x');
});

test('a secret that is also in the replacement is replaced once', () => {
  assert.is(replaceSecrets('the secret', ['secret', 'secret']), 'the [secret]');
});

test('an empty secret, and one that is half a character, do no harm', () => {
  assert.is(replaceSecrets('text', []), 'text');
  assert.is(replaceSecrets('text', ['']), 'text');
  assert.is(replaceSecrets('a\ud800b', ['\ud800']), 'a[secret]b');
});

test('the file imports nothing', () => {
  const source = readFileSync(new URL('../src/plain-text.ts', import.meta.url), 'utf8');
  assert.not.match(source, /\bimport\b|\brequire\b|\bprocess\b|\bBuffer\b/);
});

test('a secret is also found as .NET, PHP and Python encode it, and with lower-case digits', () => {
  const secret = "M.C5/4+Cv!aB*cD$eF'i(j)=~";
  for (const encoded of [
    'M.C5%2F4%2BCv%21aB%2AcD%24eF%27i%28j%29%3D~',
    'M.C5%2f4%2bCv%21aB%2acD%24eF%27i%28j%29%3d~',
    "M.C5%2f4%2bCv!aB*cD%24eF'i(j)%3d~",
    // .NET's HttpUtility and WebUtility, PHP's urlencode.
    'M.C5%2f4%2bCv!aB*cD%24eF%27i(j)%3d%7e',
    'M.C5%2F4%2BCv!aB*cD%24eF%27i(j)%3D%7E',
    'M.C5%2F4%2BCv%21aB%2AcD%24eF%27i%28j%29%3D%7E',
  ]) {
    assert.is(replaceSecrets(`code=${encoded}&x=%2F`, [secret]), 'code=[secret]&x=%2F');
    assert.is(replaceSecrets(`code=a+${encoded}&x=%2F`, [`a ${secret}`]), 'code=[secret]&x=%2F');
  }
});

test.run();
