// Takes about 20 s.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const repository = resolve(import.meta.dirname, '../..');
const source = `export function priceAt(age: number): number {
  if (age < 18) return 2;
  return 3;
}

/** Resolves soon. */
export function wait(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      clearInterval(timer);
      resolve();
    }, 20);
  });
}
`;
const tests = `import { test } from ${JSON.stringify(import.meta.resolve('uvu'))};
import * as assert from 'node:assert/strict';
import { priceAt, wait } from '../src/index.ts';

test('children and others pay', () => assert.deepEqual([10, 30].map(priceAt), [2, 3]));
test('it ends', wait);
test.run();
`;
const scripts = {
  build: `node ${join(repository, 'node_modules/typescript/bin/tsc')} -p tsconfig.build.json`,
  test: `node ${join(repository, 'scripts/suite.ts')}`,
};
const files = {
  'tsconfig.base.json': JSON.stringify({ compilerOptions: { strict: true, noEmit: true, noUnusedLocals: true } }),
  'packages/tiny/package.json': JSON.stringify({ name: 'tiny', type: 'module', scripts }),
  'packages/tiny/tsconfig.build.json': JSON.stringify({
    extends: '../../tsconfig.base.json',
    compilerOptions: { types: [], lib: ['es2024', 'dom'] },
    include: ['src'],
  }),
  'packages/tiny/src/index.ts': source,
  'packages/tiny/test/tiny.test.ts': tests,
};

/** Runs mutate.ts in a repository with this package alone. Returns the status, the lines, and what is left in the temporary folder. */
function mutate(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mutated-'));
  const [root, temporary] = [join(folder, 'repository'), join(folder, 'temporary')];
  try {
    for (const [file, text] of Object.entries({ ...files, ...more })) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
    mkdirSync(temporary);
    const { status, stdout } = spawnSync(process.execPath, [join(repository, 'scripts/mutate.ts'), 'tiny', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: temporary },
      timeout: 200_000,
    });
    assert.is(readFileSync(join(root, 'packages/tiny/src/index.ts'), 'utf8'), source, 'the working tree is as it was');
    return { status, lines: stdout.trimEnd().split('\n'), left: readdirSync(temporary) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const survivor = 'boundary: if (age < 18) return 2; → if (age <= 18) return 2;';
const timer = 'literal: }, 20); → }, 0);';

test('it names what survives, and counts what a test or the deadline kills', () => {
  const list = `packages/tiny/src/index.ts ${timer}  # The test waits for nothing else.\n`;
  const { status, lines, left } = mutate(['--seed', '7', '--sample', '99'], { 'scripts/mutate-equivalents.txt': list });
  assert.is(status, 0);
  assert.match(lines[0] ?? '', /^tiny: \d+ mutants, seed 7$/);
  const all = /^tiny: (\d+) of (\d+) killed \(\d+ %\), seed 7, 1 equivalent$/.exec(lines.at(-1) ?? '');
  assert.equal(lines.slice(1, -1), [`packages/tiny/src/index.ts:2 ${survivor}`]);
  // The tests notice both conditions, both prices, the age, a promise that never resolves and a timer that never ends.
  assert.ok(Number(all?.[1]) >= 7 && Number(all?.[2]) === Number(all?.[1]) + 1, lines.at(-1));
  assert.equal(left, []);
});

test('a test that fails without a defect is no measure', () => {
  const failing = tests.replace('[2, 3]', '[2, 4]');
  const { status, lines } = mutate(['--seed', '7'], { 'packages/tiny/test/tiny.test.ts': failing });
  assert.is(status, 1);
  assert.is(lines.at(-1), 'without a defect, this fails: packages/tiny/test/tiny.test.ts');
});

test('an equivalent needs a reason, and one that is no mutant any more is named', () => {
  const gone = 'packages/tiny/src/index.ts statement: start(); → ;';
  const list = { 'scripts/mutate-equivalents.txt': `${gone}  # Nobody waits.\n` };
  assert.ok(mutate(['--sample', '1'], list).lines.some((line) => line.includes('any more') && line.endsWith(gone)));
  assert.is(mutate(['--sample', '1'], { 'scripts/mutate-equivalents.txt': `${gone}\n` }).status, 1);
});

test.run();
