import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from './scene.ts';

/** The beginning of a program. From there on, the program collects the names of the packages that are imported. */
const watchImports = `
  import { registerHooks } from 'node:module';
  const seen = new Set();
  registerHooks({ resolve(name, context, next) { if (!/^(\\.|node:|file:)/.test(name)) seen.add(name); return next(name, context); } });
  const { OneDriveTokenHandler } = await import('onedrive-token-handler');`;

// Not token-store-sqlite/read-record, which loads nothing.
const heavy = /\b(undici|open|better-sqlite3|token-store-sqlite)(?![\w/-])/;

test('importing the package and making a handler does not load undici, open or better-sqlite3', async () => {
  await using scene = await openScene();
  const program = `${watchImports}
    new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    console.log([...seen].join(' '));`;
  const { stdout, stderr } = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()]);
  assert.match(stdout, 'shared-token', stderr);
  assert.not.match(stdout, heavy);
});

test('neither a stored token nor a refresh loads undici or open', async () => {
  await using scene = await openScene();
  await scene.signedInBefore();
  const program = `${watchImports}
    const handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    await handler.getToken();
    await handler.close();
    console.log([...seen].join(' '));`;
  const { stdout, stderr } = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()]);
  assert.match(stdout, 'token-store-sqlite', stderr);
  assert.not.match(stdout, /\b(undici|open)\b/);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test('a token from memory costs at most 1 µs', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows counts processor time in steps of 16 ms');
  await using scene = await openScene();
  const handler = scene.handler();
  await handler.getToken();
  const calls = 20_000;
  const costs: number[] = [];
  for (let batch = 0; batch < 10; batch++) {
    const before = process.cpuUsage();
    for (let call = 0; call < calls; call++) await handler.getToken();
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / calls);
  }
  // The lowest, because in the other batches other programs were busy, or the code was not compiled yet.
  assert.ok(Math.min(...costs) <= 1, `${costs.map((cost) => cost.toFixed(2))} µs`);
});

test.run();
