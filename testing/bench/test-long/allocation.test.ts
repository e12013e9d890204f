import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run, Scene } from '../test/scene.ts';

/** Bytes of a call, without those of its promise: an async function that returns a string allocates those too. */
const mostBytes = 16;
const calls = 20_000;

test(`a token in memory allocates at most ${mostBytes} bytes a call, without its promise`, async () => {
  await using scene = await Scene.open();
  const options = { ...scene.options, interactive: false };
  // The young generation is so large that no garbage collection happens during the measurement.
  const program = `
    import { OneDriveTokenHandler } from 'onedrive-token-handler';
    const handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    const returnsText = async () => 'a token';
    const bytes = async (call) => {
      // First the optimizing compiler has to compile it.
      for (let count = 0; count < 200_000; count++) await call();
      gc();
      const before = process.memoryUsage().heapUsed;
      for (let count = 0; count < ${calls}; count++) await call();
      return (process.memoryUsage().heapUsed - before) / ${calls};
    };
    const promise = await bytes(returnsText);
    console.log(JSON.stringify({ promise, token: await bytes(() => handler.getToken()) }));
    await handler.close();
  `;
  // On a busy machine a compiler in a thread of its own comes too late, and the code would not be optimized yet.
  const compiler = '--no-concurrent-recompilation';
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64', compiler];
  const node = [process.execPath, ...flags, '--input-type=module', '-e', program, '--', JSON.stringify(options)];
  const { promise, token } = JSON.parse((await run(node))[0]) as { promise: number; token: number };
  console.log(`measured: ${token.toFixed(0)} bytes a call, of which ${promise.toFixed(0)} for a promise`);
  assert.ok(promise > 0, 'a promise takes bytes');
  assert.ok(Math.floor(token - promise) <= mostBytes, `${token} bytes, ${promise} of an async function`);
});

test.run();
