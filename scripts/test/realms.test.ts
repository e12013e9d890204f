import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findBuiltInInstanceof } from '../realms.ts';

const root = mkdtempSync(join(tmpdir(), 'realms-'));
test.after(() => rmSync(root, { recursive: true }));

test('an `instanceof` of a built-in class is found, one of a class of ours is not', () => {
  mkdirSync(join(root, 'packages/it/src'), { recursive: true });
  const text = 'a instanceof Failure;\nif (!(a instanceof DOMException || b instanceof TypeError)) throw b;\n';
  writeFileSync(join(root, 'packages/it/src/a.ts'), text);
  const place = 'packages/it/src/a.ts:2: instanceof';
  assert.equal(findBuiltInInstanceof(root), [`${place} DOMException`, `${place} TypeError`]);
});

test.run();
