import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'docs/cli');
const readme = readFileSync(join(root, 'packages/cli/README.md'), 'utf8');
const names = globSync('*.png', { cwd: folder }).sort();

test('the README shows every picture, at an address that works on npm too, with a text that describes it', () => {
  const shown = [...readme.matchAll(/!\[([^\]]{20,})\]\((https:[^)]+\.png)\)/g)];
  assert.equal(shown.map(([, , url]) => basename(url ?? '')).sort(), names);
  for (const [, , url] of shown) {
    assert.match(url ?? '', 'https://raw.githubusercontent.com/onedrive-token/onedrive-token/main/docs/cli/');
  }
});

test('no picture is larger than 100 kB', () => {
  for (const name of names) assert.ok(statSync(join(folder, name)).size < 100_000, name);
});

test.run();
