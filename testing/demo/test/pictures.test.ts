import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'docs/cli');
const readme = readFileSync(join(root, 'packages/cli/README.md'), 'utf8');
const page = readFileSync(join(root, 'docs/command.md'), 'utf8');
const names = globSync('*.png', { cwd: folder }).sort();

test('the README or docs/command.md shows every picture, with a text that describes it', () => {
  const shown = [...`${readme}${page}`.matchAll(/!\[[^\]]{20,}\][([]([^)\]]+\.png)[)\]]/g)];
  assert.equal(shown.map(([, url = '']) => basename(url)).sort(), names);
});

test('the pictures of the README have an address that works on npm too', () => {
  const addresses = [...readme.matchAll(/^\[([\w-]+\.png)\]: (.*)$/gm)];
  assert.ok(addresses.length > 0);
  for (const [, name, url] of addresses) {
    assert.is(url, `https://raw.githubusercontent.com/onedrive-token/onedrive-token/main/docs/cli/${name}`);
  }
});

test('no picture is larger than 100 kB', () => {
  for (const name of names) assert.ok(statSync(join(folder, name)).size < 100_000, name);
});

test.run();
