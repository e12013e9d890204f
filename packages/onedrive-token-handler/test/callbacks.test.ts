import { approveDevice, signInAs, signInElsewhere } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

test('onEvent may call getToken() itself, of another handler or with forceRefresh of the same one', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  await scene.signedIn();
  const other = scene.handler({ interactive: false });
  let asked: Promise<PromiseSettledResult<string>[]> | undefined;
  const handler = scene.handler({
    interactive: false,
    onEvent: ({ type }) => {
      if (type !== 'refresh-started') return;
      asked = Promise.allSettled([other.getToken(), handler.getToken({ forceRefresh: true })]);
    },
  });
  const value = await handler.getToken();
  const got = { status: 'fulfilled', value };
  assert.equal(await asked, [got, got]);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

for (const method of ['browser', 'device', 'paste'] as const) {
  test(`the callback that shows a sign-in by ${method} may call another handler, which gets the token of that sign-in`, async () => {
    await using scene = await openScene({ deviceInterval: 1 });
    const other = scene.handler();
    let asked: Promise<PromiseSettledResult<string>[]> | undefined;
    const ask = (): void => {
      asked = Promise.allSettled([other.getToken()]);
    };
    const openBrowser = (url: string): unknown => {
      ask();
      return signInAs(url);
    };
    const handler = scene.handler({ openBrowser });
    await handler.signIn({
      method,
      onDeviceCode: ({ verificationUri, userCode }) => {
        ask();
        return approveDevice(verificationUri, userCode);
      },
      readRedirectUrl: (url) => {
        ask();
        return signInElsewhere(url);
      },
    });
    assert.equal(await asked, [{ status: 'fulfilled', value: await handler.getToken() }]);
    assert.is(scene.windows.length, 0, 'the other handler opens no window');
  });
}

test('if onEvent throws or rejects, the caller still gets the token, and the process goes on', async () => {
  await using scene = await openScene({ accessTokenTtl: 60 });
  await scene.signedIn();
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
