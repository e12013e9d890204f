import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { signInElsewhere } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';
import { untilTrue } from './until-true.ts';

for (const readme of ['../README.md', '../../../README.md']) {
  test(`the example of ${readme} gets a token through the browser and reads the drive`, async () => {
    const text = readFileSync(new URL(readme, import.meta.url), 'utf8');
    const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(text) ?? [];
    assert.match(example, 'await handler.getToken()');
    await using scene = await openScene();
    const { authority, dbFilepath } = scene;
    const here = { clientId: authority.clientId, authority: authority.url, dbFilepath };
    const program = example
      .replaceAll('https://graph.microsoft.com/v1.0', authority.graphUrl)
      .replace(/(new OneDriveTokenHandler\(\{)([\s\S]*?)(\n\}\))/, (_, open, given, close) =>
        [open, given, `...${JSON.stringify(here)}, openBrowser: signInAs,`, close].join(''),
      );
    const { status, stdout, stderr } = await scene.run([
      '--input-type=module-typescript',
      '-e',
      `import { signInAs } from 'testing-authority';\n${program}`,
    ]);
    assert.is(status, 0, stderr);
    assert.match(stdout, 'personal');
  });
}

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
  await untilTrue(() => said.includes('last page: '));
  const [, url = ''] = /Open (\S+)/.exec(said) ?? [];
  child.stdin.write(`${await signInElsewhere(url)}\n`);
  const [status] = await once(child, 'close');
  assert.is(status, 0);
  assert.match(said, /true\n$/);
});

test.run();
