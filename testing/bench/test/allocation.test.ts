import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run, Scene } from './scene.ts';

/** Bytes of a call beyond those of an async function that returns a string, which are those of its promise. */
const mostBytes = 16;
const calls = 20_000;

test(`a token in memory allocates at most ${mostBytes} bytes a call beside its promise`, async () => {
  await using scene = await Scene.open();
  const options = { ...scene.options, interactive: false };
  // The young generation is so large that nothing is collected while it is measured.
  const program = `
    import { OneDriveTokenHandler } from 'onedrive-token-handler';
    const handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    const returnsText = async () => 'a token';
    const bytes = async (call) => {
      // Compiled first, by the optimizing compiler too.
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
  // Where the compiler has a thread of its own, a busy machine starves it, and code that is not optimized yet is measured.
  const compiler = '--no-concurrent-recompilation';
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64', compiler];
  const node = [process.execPath, ...flags, '--input-type=module', '-e', program, '--', JSON.stringify(options)];
  const { promise, token } = JSON.parse((await run(node))[0]) as { promise: number; token: number };
  console.log(`measured: ${token.toFixed(0)} bytes a call, of which ${promise.toFixed(0)} for a promise`);
  assert.ok(promise > 0, 'something is measured');
  assert.ok(Math.floor(token - promise) <= mostBytes, `${token} bytes, ${promise} of an async function`);
});

test.run();
