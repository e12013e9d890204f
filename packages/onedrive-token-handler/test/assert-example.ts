import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

/**
 * The example of this README gets a token through the browser, keeps it in the data folder and reads the drive. With the stored token
 * it needs no provider.
 */
export async function assertExample(readme: string): Promise<void> {
  const text = readFileSync(new URL(`../../../${readme}`, import.meta.url), 'utf8');
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(text) ?? [];
  assert.match(example, 'await handler.getToken()');
  await using scene = await openScene();
  const { authority, folder } = scene;
  const here = { clientId: authority.clientId, authority: authority.url };
  const program = example
    .replaceAll('https://graph.microsoft.com/v1.0', authority.graphUrl)
    .replace(/(new OneDriveTokenHandler\(\{)([\s\S]*?),?(\s*\}\))/, (_, open, given, close) =>
      [open, given, `, ...${JSON.stringify(here)}, openBrowser: signInAs,`, close].join(''),
    );
  const runExample = async (): Promise<void> => {
    const { status, stdout, stderr } = await scene.run(
      ['--input-type=module-typescript', '-e', `import { signInAs } from 'testing-authority';\n${program}`],
      { XDG_DATA_HOME: folder },
    );
    assert.is(status, 0, stderr);
    assert.match(stdout, 'personal');
  };
  await runExample();
  for (const endpoint of ['authorize', 'token'] as const)
    authority.fail(endpoint, { type: 'drop', when: 'before' }, { times: Number.POSITIVE_INFINITY });
  await runExample();
  assert.ok(existsSync(join(folder, 'my-backup', 'tokens.db')));
}
