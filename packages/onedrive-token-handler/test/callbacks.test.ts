import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

test('if onEvent throws or rejects, the caller still gets the token, and the process goes on', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
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

test('if openBrowser rejects with something odd, or readRedirectUrl aborts and throws, the call rejects, and the process goes on', async () => {
  await using scene = await openScene();
  const program = `
    import { OneDriveTokenHandler } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const options = JSON.parse(process.argv[1]);
    const print = ({ code, name }) => console.log(code ?? name);
    for (const reason of [{ message: 42 }, { message: null }, Object.create(null), undefined]) {
      await using handler = new OneDriveTokenHandler({ ...options, openBrowser: () => Promise.reject(reason) });
      await handler.signIn().catch(print);
    }
    await using handler = new OneDriveTokenHandler(options);
    const abort = new AbortController();
    const readRedirectUrl = () => {
      abort.abort(new Error('enough'));
      throw new RangeError('cancelled');
    };
    await handler.signIn({ method: 'paste', signal: abort.signal, readRedirectUrl }).catch(print);
    await new Promise(setImmediate);
    console.log('alive');`;
  const { status, stdout, stderr } = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^(CONFIGURATION\n){4}\w*Error\nalive\n$/);
});

test.run();
