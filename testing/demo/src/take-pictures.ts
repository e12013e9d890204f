/** `pnpm --filter testing-demo pictures`: takes all pictures of the READMEs again, from real runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeDemoPicture } from './demo-picture.ts';
import { Renderer } from './renderer.ts';
import { playScenes } from './scenes.ts';

const folder = join(import.meta.dirname, '../../../docs/cli');
const scenes = await playScenes();
await takeDemoPicture(join(import.meta.dirname, '../../../docs/run.png'));
await using renderer = await Renderer.start();
for (const [name, outputs] of Object.entries(scenes)) {
  writeFileSync(join(folder, `${name}.png`), await renderer.picture(outputs));
}
