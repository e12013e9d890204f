// Takes about 8 s.
import { globSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath } from 'testing-browsers/chromium';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { Renderer } from '../src/renderer.ts';
import { columns, playScenes } from '../src/scenes.ts';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'docs/cli');
const names = globSync('*.png', { cwd: folder }).sort();

if (!chromiumPath) console.log('skipped: the pictures need chromium on PATH (Debian: apt install chromium)');
const test = chromiumPath ? always : always.skip;

test('the pictures can be taken again and show nothing of this machine', async () => {
  const scenes = await playScenes();
  assert.equal(
    Object.keys(scenes)
      .map((name) => `${name}.png`)
      .sort(),
    names,
  );
  for (const output of Object.values(scenes).flat()) {
    for (const place of [tmpdir(), homedir(), root]) assert.not.match(output, `${place}/`);
  }
  await using renderer = await Renderer.start();
  assert.ok((await renderer.picture(scenes.status, columns)).length > 10_000);
});

always.run();
