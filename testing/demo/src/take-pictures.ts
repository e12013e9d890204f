/** `pnpm --filter testing-demo pictures`: takes all pictures of the READMEs again, from real runs. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Renderer } from './renderer.ts';
import { columns, playScenes } from './scenes.ts';

const docs = join(import.meta.dirname, '../../../docs');
const scenes = await playScenes();
const demo = execFileSync(process.execPath, [join(import.meta.dirname, 'main.ts')], {
  encoding: 'utf8',
  env: { ...process.env, CI: '1', FORCE_COLOR: '1', ONEDRIVE_TOKEN_CLIENT_ID: '' },
  timeout: 60_000,
});
await using renderer = await Renderer.start();
const run = `$ npx --yes pnpm@12.21.0 start\n${demo.trimEnd()}`.replaceAll('\n', '\r\n');
writeFileSync(join(docs, 'run.png'), await renderer.picture([run], 104));
for (const [name, outputs] of Object.entries(scenes)) {
  writeFileSync(join(docs, `cli/${name}.png`), await renderer.picture(outputs, columns));
}
