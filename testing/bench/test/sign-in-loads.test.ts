import { registerHooks } from 'node:module';
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Scene } from './scene.ts';

const loaded = Promise.withResolvers<void>();
let isLoaded = false;
registerHooks({
  load(url, context, next) {
    const result = next(url, context);
    if (url.includes('/undici/')) {
      isLoaded = true;
      loaded.resolve();
    }
    return result;
  },
});

test('what redeeming a code takes is loaded while the person signs in, not after', async () => {
  await using scene = await Scene.open({
    async openBrowser(url) {
      assert.not(isLoaded, 'nothing is loaded before the browser is there');
      const late = AbortSignal.timeout(20_000);
      // The answer is not sent before it is loaded: waiting for the answer would never end.
      await Promise.race([loaded.promise, new Promise((_, reject) => (late.onabort = () => reject(late.reason)))]);
      return signInAs(url);
    },
  });
  assert.ok(isLoaded);
  assert.is(scene.authority.count('token'), 1);
});

test.run();
