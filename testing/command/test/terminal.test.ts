import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { noTerminal, openTerminal } from '../src/terminal.ts';

if (!openTerminal) console.log(noTerminal);
const test = openTerminal ? always : always.skip;

function open(source: string) {
  if (!openTerminal) throw new Error(noTerminal);
  return openTerminal(process.execPath, ['-e', source], { env: process.env });
}

test('a program in a terminal has one, and reads what is typed', async () => {
  using terminal = open(
    "console.log(process.stdin.isTTY); process.stdin.once('data', (text) => process.exit(text.length))",
  );
  await terminal.shows(/true/);
  terminal.type('four\r');
  assert.is((await terminal.ended).status, 5);
});

test('colours do not hide a text, and an earlier text can be left out', async () => {
  using terminal = open(
    "process.stdout.write('a \\x1b[1mbold\\x1b[0m word'); setTimeout(() => console.log('a bold word'), 100)",
  );
  const first = await terminal.shows(/a bold word/);
  assert.is(first.index, 0);
  await terminal.shows(/a bold word/, terminal.output.length);
  assert.is((await terminal.ended).status, 0);
});

test('the wait for a text rejects if the program ends without it', async () => {
  using terminal = open("console.log('something else')");
  const error = await terminal.shows(/this/).then(() => undefined, String);
  assert.match(error ?? '', /it ended without showing \/this\/: something else/);
});

always.run();
