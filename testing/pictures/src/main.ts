/** `pnpm --filter testing-pictures pictures`: takes the pictures of the command's README again, from real runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromiumPath } from 'testing-authority/chromium';
import { Renderer } from './renderer.ts';
import { playScenes } from './scenes.ts';

const folder = join(import.meta.dirname, '../../../docs/cli');
const scenes = await playScenes();
await using renderer = await Renderer.start(chromiumPath ?? 'chromium');
for (const [name, outputs] of Object.entries(scenes)) {
  writeFileSync(join(folder, `${name}.png`), await renderer.picture(outputs));
}
