import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

/** Says at its end which of the files and modules of a refresh are loaded. With `wait`, it waits until all are, at most 20 s. */
const program = (wait: boolean): string => `
  import { registerHooks } from 'node:module';
  const seen = [];
  registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
  const { OneDriveTokenHandler } = await import('onedrive-token-handler');
  const handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
  await handler.getToken();
  const loaded = () => [
    process.moduleLoadList.includes('NativeModule http'),
    seen.some((url) => url.endsWith('/onedrive-token-handler/dist/provider.js')),
    seen.some((url) => url.endsWith('/token-store-sqlite/dist/wait.js')),
  ];
  process.on('exit', () => console.log(JSON.stringify(loaded())));
  const end = Date.now() + 20_000;
  while (${wait} && loaded().includes(false) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
`;

test('a handler that has lived for 2 s has loaded what a refresh needs', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { stdout, stderr } = await scene.run(
    ['--input-type=module', '-e', program(true), scene.optionsFor()],
    {},
    30_000,
  );
  assert.equal(JSON.parse(stdout || stderr), [true, true, true]);
  assert.is(scene.authority.count('token', 'refresh_token'), 0, 'nothing is sent');
});

test('a program that ends before that does not wait for it, even if it closes nothing', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const { stdout, stderr } = await scene.run(['--input-type=module', '-e', program(false), scene.optionsFor()]);
  assert.equal(JSON.parse(stdout || stderr), [false, false, false]);
});

test.run();
