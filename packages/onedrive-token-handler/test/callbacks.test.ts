import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

test('if onEvent throws or rejects, the caller still gets the token, and the process goes on', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const program = `
    import { OneDriveTokenHandler } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const options = JSON.parse(process.argv[1]);
    const fail = () => { throw new Error('listener'); };
    for (const onEvent of [fail, async () => fail()]) {
      await using handler = new OneDriveTokenHandler({ ...options, onEvent });
      await handler.getToken();
    }
    console.log('alive');`;
  const { status, stdout, stderr } = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()]);
  assert.is(status, 0, stderr);
  assert.is(stdout.trim(), 'alive');
});

test.run();
