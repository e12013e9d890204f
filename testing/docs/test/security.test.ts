import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Definition, ListItem } from 'mdast';
import { toString as textOf } from 'mdast-util-to-string';
import { visit } from 'unist-util-visit';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markdownFile } from '../src/markdown-file.ts';
import { readText, root } from '../src/repository.ts';

const page = markdownFile('SECURITY.md');
const attacks = page.listBelow('Who could attack, how, and what stops it');
const definitions = page.tree.children.filter((node) => node.type === 'definition');

test('every attack in the threat model has a test that shows what stops it, and every test an attack', () => {
  assert.ok(attacks.length > 10, `only ${attacks.length} attacks`);
  assert.equal(
    attacks.filter((attack) => testsOf(attack).length === 0).map((attack) => textOf(attack)),
    [],
  );
  assert.equal(
    attacks.flatMap(testsOf),
    definitions.map(({ identifier }) => identifier),
  );
});

test('every test that the threat model names is there, under that name', () => {
  assert.equal(
    definitions.filter((definition) => !hasTest(definition)),
    [],
  );
  const url = 'testing/docs/test/security.test.ts';
  assert.ok(hasTest({ url, title: 'every test that the threat model names…' }));
  assert.not.ok(hasTest({ url, title: 'every test that the threat model names' }));
  assert.not.ok(hasTest({ url, title: 'every…' }), 'two tests begin so');
});

/** The definitions that an item refers to. */
function testsOf(attack: ListItem): string[] {
  const found: string[] = [];
  visit(attack, 'linkReference', ({ identifier }) => void found.push(identifier));
  return found;
}

/** Whether the file has one test whose name is the title, or begins with it if the title ends in `…`. */
function hasTest({ url: file, title }: Pick<Definition, 'url' | 'title'>): boolean {
  if (!/^(scripts|(packages|testing)\/[\w-]+)\/test(-long)?\/[\w-]+\.test\.ts$/.test(file) || !title) return false;
  if (!existsSync(join(root, file))) return false;
  const names = [...readText(file).matchAll(/\(\s*(['"`])((?:\\.|(?!\1).)+)\1,\s/g)].map(([, , literal = '']) =>
    readable(literal),
  );
  const isIt = (name: string): boolean => (title.endsWith('…') ? name.startsWith(title.slice(0, -1)) : name === title);
  return new Set(names.filter(isIt)).size === 1;
}

/** The text of a literal in a source, without escapes, and with `…` in place of each inserted value. */
function readable(literal: string): string {
  return literal.replace(/\\(.)/g, '$1').replace(/\$\{[^}]*\}/g, '…');
}

test.run();
