import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TableRow } from 'mdast';
import { toString as textOf } from 'mdast-util-to-string';
import { visit } from 'unist-util-visit';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markdownFile } from '../src/markdown-file.ts';
import { readText, root } from '../src/repository.ts';

const rows = markdownFile('SECURITY.md').rowsBelow('Who could attack, how, and what stops it');

test('every attack in the threat model has a test that shows what stops it', () => {
  assert.ok(rows.length > 10, `only ${rows.length} rows`);
  assert.equal(
    rows.filter((row) => testsOf(row).length === 0).map((row) => textOf(row)),
    [],
  );
});

test('every test that the threat model names is there, under that name', () => {
  assert.equal(
    rows.flatMap(testsOf).filter(({ name, file }) => !hasTest(file, name)),
    [],
  );
  const file = 'testing/docs/test/security.test.ts';
  assert.ok(hasTest(file, 'every test that the threat model names is there, under that name'));
  assert.not.ok(hasTest(file, 'every test that the threat model names is there'));
});

/** The tests that the last cell links to. */
function testsOf(row: TableRow): { name: string; file: string }[] {
  const found: { name: string; file: string }[] = [];
  const shownBy = row.children.at(-1);
  if (shownBy) visit(shownBy, 'link', (link) => void found.push({ name: textOf(link), file: link.url }));
  return found;
}

function hasTest(file: string, name: string): boolean {
  if (
    !/^(scripts|(packages|testing)\/[\w-]+)\/test(-long)?\/[\w-]+\.test\.ts$/.test(file) ||
    !existsSync(join(root, file))
  ) {
    return false;
  }
  const names = readText(file).matchAll(/\((['"`])((?:\\.|(?!\1).)+)\1, /g);
  return [...names].some(([, , literal = '']) => readable(literal) === name);
}

/** The text of a literal in a source, without escapes, and with `…` in place of each inserted value. */
function readable(literal: string): string {
  return literal.replace(/\\(.)/g, '$1').replace(/\$\{[^}]*\}/g, '…');
}

test.run();
