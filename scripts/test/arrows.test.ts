import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findWrongArrows } from '../arrows.ts';

function wrongArrows(name: string, dependencies: Record<string, string>, source: string): string[] {
  const root = mkdtempSync(join(tmpdir(), 'arrows-'));
  try {
    const files = {
      'packages/it/package.json': JSON.stringify({ name, dependencies }),
      'packages/it/src/index.ts': source,
    };
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return findWrongArrows(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const any = '*';
const wrong: [what: string, name: string, dependencies: Record<string, string>, source: string][] = [
  ['a store that depends on pkce-state', 'token-store-sqlite', { 'pkce-state': any, 'better-sqlite3': any }, ''],
  ['an arrow up from the handler to the command', 'onedrive-token-handler', { 'onedrive-token': any }, ''],
  ['an arrow between two packages of one floor', 'onedrive-graph', { 'onedrive-token-handler': any }, ''],
  ['a command that reaches past the handler', 'onedrive-token', { 'token-store-sqlite': any }, ''],
  ['a module of Node in pkce-state', 'pkce-state', {}, "import { createHash } from 'node:crypto';"],
  ['a dynamic import', 'loopback-acceptor', {}, "await import('undici');"],
  ['a type from a package', 'token-store-sqlite', { 'better-sqlite3': any }, "export type X = import('undici').Agent;"],
  ['a side-effect import', 'loopback-acceptor', {}, "import 'undici';"],
  ['a require', 'loopback-acceptor', {}, "const { request } = require('undici');"],
  ['an import that is allowed but not declared', 'onedrive-token-handler', {}, "import { request } from 'undici';"],
  ['a package without a rule', 'left-pad', {}, ''],
];
for (const [what, name, dependencies, source] of wrong) {
  test(`${what} is found`, () => {
    assert.is(wrongArrows(name, dependencies, source).length, 1);
  });
}

test('an import that the contract allows is no problem', () => {
  const source =
    "import { readFile } from 'node:fs/promises';\nimport Database from 'better-sqlite3';\nimport { y } from './y.ts';";
  assert.equal(wrongArrows('token-store-sqlite', { 'better-sqlite3': any }, source), []);
});

test('an import in a comment does not count, because it is an example', () => {
  assert.equal(wrongArrows('pkce-state', {}, "/**\n * import { readFile } from 'node:fs';\n */"), []);
});

test('a floor that points up, or to another package of its own, is found', () => {
  const nowhere = join(import.meta.dirname, 'nowhere');
  assert.equal(findWrongArrows(nowhere, [{ top: { below: ['bottom'] } }, { bottom: {} }]), []);
  assert.is(findWrongArrows(nowhere, [{ top: {} }, { bottom: { below: ['top'] } }]).length, 1);
  assert.is(findWrongArrows(nowhere, [{ left: { below: ['right'] }, right: {} }]).length, 1);
});

test('the packages of this repository point down', () => {
  assert.equal(findWrongArrows(resolve(import.meta.dirname, '../..')), []);
});

test.run();
