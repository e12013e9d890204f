// Takes about 3 s.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const script = resolve(import.meta.dirname, '../build.ts');

/** A package that imports an entry, with a type, of its one dependency. */
const files = {
  'package.json': JSON.stringify({
    name: 'ours',
    type: 'module',
    exports: { '.': './dist/index.js' },
    dependencies: { theirs: '1.0.0' },
  }),
  'tsconfig.build.json': JSON.stringify({
    extends: resolve(import.meta.dirname, '../../tsconfig.base.json'),
    compilerOptions: { rootDir: 'src', outDir: 'dist', types: [] },
    include: ['src'],
  }),
  'src/index.ts': "import { double, type Doubled } from 'theirs/double';\nexport const four: Doubled = double(2);\n",
  'node_modules/theirs/package.json': JSON.stringify({
    name: 'theirs',
    type: 'module',
    exports: {
      './double': { types: './dist/double.d.ts', default: './dist/double.js' },
    },
  }),
  'node_modules/theirs/dist/double.js':
    "import { EOL } from 'node:os';\nexport const double = (n) => n * 2 + EOL.length - 1;\n",
  'node_modules/theirs/dist/double.d.ts':
    'export type Doubled = number;\nexport declare function double(n: number): Doubled;\n',
};

/** Builds that package, with some files changed. `read` reads a file of the result. */
function build(changes: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'build-'));
  try {
    for (const [name, text] of Object.entries({ ...files, ...changes })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const options = { cwd: folder, encoding: 'utf8', timeout: 30_000 } as const;
    const { status, stderr } = spawnSync(process.execPath, [script], options);
    const [code, declaration] =
      status === 0 ? ['js', 'd.ts'].map((end) => readFileSync(join(folder, `dist/index.${end}`), 'utf8')) : [];
    return { status, stderr, code: code ?? '', declaration: declaration ?? '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a dependency stays an import', () => {
  const { status, stderr, code, declaration } = build();
  assert.is(status, 0, stderr);
  assert.match(code, /from ["']theirs\/double["']/);
  assert.match(declaration, /from ["']theirs\/double["']/);
});

test('a wrong type fails', () => {
  assert.is.not(build({ 'src/index.ts': 'export const four: number = "four";\n' }).status, 0);
});

test.run();
