// Takes about 2 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { signInElsewhere } from 'testing-authority';
import { until } from 'testing-authority/until';
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
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { timeout: 20_000 });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    said += data;
  });
  await until(() => said.includes('last page: '));
  const [, url = ''] = /Open (\S+)/.exec(said) ?? [];
  child.stdin.write(`${await signInElsewhere(url)}\n`);
  const [status] = await once(child, 'close');
  assert.is(status, 0);
  assert.match(said, /true\n$/);
});

test.run();
