import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

test('every circle is found: by types, by a dynamic import, over folders, and of a file that imports itself', () => {
  const found = circles({
    'testing/it/src/index.ts': "export * from './room/a.ts';\nimport './itself.ts';",
    'testing/it/src/itself.ts': "import './itself.ts';",
    'testing/it/src/room/a.ts': "import type {\n  B,\n} from '../b.ts';",
    'testing/it/src/b.ts': "const c = await import('./c.ts');",
    'testing/it/src/c.ts': "export type A = import('./room/a.ts').A;",
  });
  assert.equal(found, [
    'testing/it/src/b.ts → testing/it/src/c.ts → testing/it/src/room/a.ts → testing/it/src/b.ts',
    'testing/it/src/itself.ts → testing/it/src/itself.ts',
  ]);
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

test.run();
