import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runIn } from 'testing-authority/project';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [, sample = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

test('the sample is examples/back-up.ts, which is compiled', () => {
  assert.is(sample, readFileSync(new URL('../examples/back-up.ts', import.meta.url), 'utf8'));
});

test('the sample runs, with nothing but the provider, Graph and the folder of its files put in their place', async () => {
  await using scene = await openScene();
  const { authority, folder } = scene;
  writeFileSync(`${folder}/photos.zip`, 'photos');
  const here = { authority: authority.url, interactive: false };
  const program = sample
    .replace("'11111111-2222-3333-4444-555555555555'", `'${authority.clientId}'`)
    .replace("appName: 'my-backup',", `appName: 'my-app', ...${JSON.stringify(here)},`)
    .replace("dataFilepath('my-backup')", JSON.stringify(`${folder}/tokens.db`))
    .replace('new GraphClient({', `new GraphClient({ root: '${authority.graphUrl}',`)
    .replaceAll(/(?<=[`)], )'(\w+\.zip)'/g, (_, name) => JSON.stringify(`${folder}/${name}`));
  const args = ['--input-type=module-typescript', '--eval', program];
  const { status, stdout, stderr } = await runIn(fileURLToPath(new URL('..', import.meta.url)), args);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^0 of 6 bytes\n6 of 6 bytes\nphotos\.zip\n\d+\n$/);
  assert.is(readFileSync(`${folder}/copy.zip`, 'utf8'), 'photos');
});

test.run();
