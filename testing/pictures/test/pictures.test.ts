import { globSync, readFileSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { chromiumPath } from 'testing-browsers/chromium';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { readQrCode } from '../src/read-qr-code.ts';
import { Renderer } from '../src/renderer.ts';
import { playScenes } from '../src/scenes.ts';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'docs/cli');
const readme = readFileSync(join(root, 'packages/cli/README.md'), 'utf8');
const names = globSync('*.png', { cwd: folder }).sort();

if (!chromiumPath) console.log('skipped: the pictures need chromium on PATH (Debian: apt install chromium)');
const test = chromiumPath ? always : always.skip;

always('the README shows every picture, at an address that works on npm too, with a text that describes it', () => {
  const shown = [...readme.matchAll(/!\[([^\]]{20,})\]\((https:[^)]+\.png)\)/g)];
  assert.equal(shown.map(([, , url]) => basename(url ?? '')).sort(), names);
  for (const [, , url] of shown) {
    assert.match(url ?? '', 'https://raw.githubusercontent.com/onedrive-token/onedrive-token/main/docs/cli/');
  }
});

always('no picture is larger than 100 kB', () => {
  for (const name of names) assert.ok(statSync(join(folder, name)).size < 100_000, name);
});

test('the pictures can be taken again, show nothing of this machine, and a phone can read the QR code', async () => {
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
  const address = /http:\S+/.exec(scenes.device[0] ?? '')?.[0];
  assert.is(await readQrCode(renderer, await renderer.picture(scenes.device)), address);
  const kept = await readQrCode(renderer, readFileSync(join(folder, 'device.png')));
  assert.match(kept ?? '', /^http:\/\/127\.0\.0\.1:\d+\/consumers\//);
});

always.run();
