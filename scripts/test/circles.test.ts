import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findFileCircles } from '../circles.ts';

function circles(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'circles-'));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return findFileCircles(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('two files that import each other are a circle', () => {
  const found = circles({
    'packages/it/src/a.ts': "import { b } from './b.ts';",
    'packages/it/src/b.ts': "import { a } from './a.ts';",
  });
  assert.equal(found, ['packages/it/src/a.ts → packages/it/src/b.ts → packages/it/src/a.ts']);
});

test('a circle by types, by a dynamic import and over folders is found', () => {
  const found = circles({
    'testing/it/src/index.ts': "export * from './room/a.ts';",
    'testing/it/src/room/a.ts': "import type {\n  B,\n} from '../b.ts';",
    'testing/it/src/b.ts': "const c = await import('./c.ts');",
    'testing/it/src/c.ts': "export type A = import('./room/a.ts').A;",
  });
  assert.equal(found, ['testing/it/src/b.ts → testing/it/src/c.ts → testing/it/src/room/a.ts → testing/it/src/b.ts']);
});

test('every circle of a package is found, also a file that imports itself', () => {
  const found = circles({
    'scripts/a.ts': "import './b.ts';\nimport './c.ts';",
    'scripts/b.ts': "import './a.ts';",
    'scripts/c.ts': "import './c.ts';",
  });
  assert.is(found.length, 2);
});

test('two ways to one file are no circle, and an import in a comment is none', () => {
  const found = circles({
    'packages/it/src/a.ts': "import './b.ts';\nimport './c.ts';",
    'packages/it/src/b.ts': "import './d.ts';",
    'packages/it/src/c.ts': "import './d.ts';\nimport { x } from 'a-package';",
    'packages/it/src/d.ts': "// import './a.ts';\n/**\n * import './a.ts';\n */",
  });
  assert.equal(found, []);
});

test('the files of this repository have no circle', () => {
  assert.equal(findFileCircles(resolve(import.meta.dirname, '../..')), []);
});

test.run();
