import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findMutants, type Mutant } from '../mutants.ts';

const cases: [what: string, source: string, mutants: string[]][] = [
  ['a condition', 'if (a) {}', ['condition: if (true) {}', 'condition: if (false) {}', 'condition: if (!a) {}']],
  ['a boundary', 'x = a <= b;', ['statement: ;', 'boundary: x = a < b;']],
  ['an equality', 'const x = a !== b;', ['equality: const x = a === b;']],
  ['a negation', 'const x = !a;', ['not: const x = a;']],
  ['two conditions', 'const x = a && b;', ['logical: const x = a || b;']],
  ['a default', 'const x = a ?? b;', ['logical: const x = a;', 'logical: const x = b;']],
  ['a sum', 'const x = a + b;', ['arithmetic: const x = a - b;']],
  ['a call', 'go();', ['statement: ;']],
  ['an await', 'const x = await go();', ['await: const x = go();']],
  ['a callback', 'const x = () => go();', ['call: const x = () => undefined;']],
  ['a listener', "socket.on('end', go);", ['listener: ;', "literal: socket.on('', go);"]],
  ['a throw', 'throw error;', ['throw: ;']],
  ['a finally', 'try {} finally { go(); }', ['finally: try {} finally {}', 'statement: try {} finally { ; }']],
  ['a function', 'function x() { return y; }', ['block: function x() {}']],
  ['numbers', 'const x = [1, 30_000];', ['literal: const x = [2, 30_000];', 'literal: const x = [1, 0];']],
  ['words', "const x = ['a', 'words for people'];", ["literal: const x = ['', 'words for people'];"]],
  ['types', "import { a } from 'a';\nexport type X = 'a' | 1;\ninterface Y { a: true }", []],
];
const lines = 'const a = 1;\n\n  go(\n    a,\n  );\n';
const found = mutantsOf([...cases.map(([, source]) => source), lines]);

/** The mutants of each source. */
function mutantsOf(sources: readonly string[]): Mutant[][] {
  const root = mkdtempSync(join(tmpdir(), 'mutants-'));
  try {
    const files = sources.map((_, index) => `${index}.ts`);
    for (const [index, file] of files.entries()) writeFileSync(join(root, file), sources[index] ?? '');
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify({ files, compilerOptions: { types: [] } }));
    const mutants = findMutants(root, join(root, 'tsconfig.json'));
    return files.map((name) => mutants.filter(({ file }) => file === name));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

for (const [index, [what, source, expected]] of cases.entries()) {
  test(`${what}: ${source.replaceAll('\n', ' ')}`, () => {
    const names = found[index]?.map(({ name }) => name.replace(/^\d+\.ts (\w+: ).* → /, '$1'));
    assert.equal(names, expected);
  });
}

test('a mutant has its line, its name has not, and its text differs in one place', () => {
  const [, mutant] = found.at(-1) ?? [];
  const file = `${cases.length}.ts`;
  const name = `${file} statement: go( a, ); → ;`;
  assert.equal(mutant, { file, line: 3, name, text: 'const a = 1;\n\n  ;\n' });
});

test.run();
