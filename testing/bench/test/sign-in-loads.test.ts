import { registerHooks } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Scene } from './scene.ts';

let isLoaded = false;
registerHooks({
  load(url, context, next) {
    if (url.includes('/undici/')) isLoaded = true;
    return next(url, context);
  },
});

test('the HTTP client is loaded while the browser is open, not before and not after its answer', async () => {
  let openedBefore: boolean | undefined;
  let loadedMeanwhile = false;
  const user = async (url: string): Promise<void> => {
    for (let waited = 0; !isLoaded && waited < 10_000; waited += 10) await sleep(10);
    loadedMeanwhile = isLoaded;
    await signInAs(url);
  };
  await using scene = await Scene.open({
    openBrowser(url) {
      openedBefore = !isLoaded;
      void user(url);
    },
  });
  assert.is(openedBefore, true, 'the browser does not wait for it');
  assert.ok(loadedMeanwhile, 'the user does not wait for it');
  assert.is(scene.authority.count('token'), 1);
});

test.run();
