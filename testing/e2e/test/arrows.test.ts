import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findWrongArrows } from '../../../scripts/arrows.ts';

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
  ['a leaf that depends on its sibling', 'token-store-sqlite', { 'pkce-state': any, 'better-sqlite3': any }, ''],
  ['a leaf that imports the handler', 'loopback-acceptor', {}, "import { x } from 'onedrive-token-handler';"],
  ['an arrow up from the handler to the CLI', 'onedrive-token-handler', { 'onedrive-token': any }, ''],
  ['a CLI that reaches past the handler', 'onedrive-token', { 'token-store-sqlite': any }, ''],
  ['a Node built-in in pkce-state', 'pkce-state', {}, "import { createHash } from 'node:crypto';"],
  ['a built-in without node: in pkce-state', 'pkce-state', {}, "import fs from 'fs';"],
  ['a dynamic import', 'loopback-acceptor', {}, "await import('undici');"],
  ['a type from a package', 'token-store-sqlite', { 'better-sqlite3': any }, "export type X = import('undici').Agent;"],
  ['a side-effect import', 'loopback-acceptor', {}, "import 'undici';"],
  ['a require', 'loopback-acceptor', {}, "const { request } = require('undici');"],
  ['an import of what is allowed but not declared', 'onedrive-token-handler', {}, "import { request } from 'undici';"],
  ['a package that nobody has a rule for', 'left-pad', {}, ''],
];
for (const [what, name, dependencies, source] of wrong) {
  test(`${what} is found`, () => {
    assert.is(wrongArrows(name, dependencies, source).length, 1);
  });
}

test('what the contract allows is allowed', () => {
  const source =
    "import { readFile } from 'node:fs/promises';\nimport Database from 'better-sqlite3';\nimport { y } from './y.ts';";
  assert.equal(wrongArrows('token-store-sqlite', { 'better-sqlite3': any }, source), []);
});

test('the packages of this repository point down', () => {
  assert.equal(findWrongArrows(fileURLToPath(new URL('../../..', import.meta.url))), []);
});

test.run();
