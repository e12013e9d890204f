import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findBuiltInInstanceof } from '../realms.ts';

test('an `instanceof` of a built-in class is found, one of a class of ours is not', () => {
  const root = mkdtempSync(join(tmpdir(), 'realms-'));
  try {
    mkdirSync(join(root, 'packages/it/src'), { recursive: true });
    const text = 'a instanceof Failure;\nif (!(error instanceof DOMException || b instanceof TypeError)) throw b;\n';
    writeFileSync(join(root, 'packages/it/src/a.ts'), text);
    const place = 'packages/it/src/a.ts:2: instanceof';
    assert.equal(findBuiltInInstanceof(root), [`${place} DOMException`, `${place} TypeError`]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('the packages of this repository ask no built-in class', () => {
  assert.equal(findBuiltInInstanceof(resolve(import.meta.dirname, '../..')), []);
});

test.run();
