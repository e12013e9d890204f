// Takes about 2 s.
import { readFileSync } from 'node:fs';
import { signInElsewhere } from 'testing-authority';
import { startNode } from 'testing-authority/node-process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertExample } from '../test/assert-example.ts';
import { openScene } from '../test/scene.ts';

test('the example of the README of the repository gets a token through the browser and reads the drive', () =>
  assertExample('README.md'));

test('the sample for a server signs in by a pasted address', async () => {
  const text = readFileSync(new URL('../../../docs/handler.md', import.meta.url), 'utf8');
  const [sample = ''] = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  assert.match(sample, "method: 'paste'");
  await using scene = await openScene();
  const program = `import { OneDriveTokenHandler } from 'onedrive-token-handler';
    const handler = new OneDriveTokenHandler(${scene.optionsFor()});
    ${sample}
    console.log((await handler.status()).signedIn);
    await handler.close();`;
  const child = await startNode(['--input-type=module-typescript', '-e', program], { until: 'last page: ' });
  const [, url = ''] = /Open (\S+)/.exec(child.said()) ?? [];
  child.tell(await signInElsewhere(url));
  assert.is(await child.untilEnded(), 0);
  assert.match(child.said(), /true\n$/);
});

test.run();
