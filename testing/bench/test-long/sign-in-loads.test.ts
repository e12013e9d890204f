import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Scene } from '../test/scene.ts';

/** Prints a line when the HTTP client is loaded while the browser is open, or after 10 s, and a line when it has signed in. */
const program = `
  import { OneDriveTokenHandler } from 'onedrive-token-handler';
  const isLoaded = () => process.moduleLoadList.includes('NativeModule http');
  const seen = [];
  const { registerHooks } = process.getBuiltinModule('node:module');
  registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
  const openBrowser = (url) => {
    const before = isLoaded();
    const started = Date.now();
    const look = () => {
      if (!isLoaded() && Date.now() - started < 10_000) setTimeout(look, 10);
      else console.log(JSON.stringify({ url, before, files, meanwhile: isLoaded() }));
    };
    const files = seen.filter((file) => file.startsWith('file:'));
    look();
  };
  await using handler = new OneDriveTokenHandler({ ...JSON.parse(process.argv[1]), openBrowser });
  await handler.signIn();
  console.log(JSON.stringify({ undici: seen.some((url) => url.includes('/undici/')) }));
`;

interface SaidLine {
  readonly url?: string;
  readonly before?: boolean;
  /** Those that were loaded before. */
  readonly files?: string[];
  readonly meanwhile?: boolean;
  readonly undici?: boolean;
}

/** If the number falls, lower this limit. */
const mostFilesBeforeBrowser = 5;

test('the HTTP client is loaded while the browser is open, not before and not after its answer, and undici is not', async () => {
  await using scene = await Scene.open();
  const before = scene.authority.count('token');
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', JSON.stringify(scene.options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'close');
  const lines: SaidLine[] = [];
  for await (const line of createInterface(child.stdout)) {
    const said = JSON.parse(line);
    lines.push(said);
    if (said.url) await signInAs(said.url);
  }
  assert.equal(await ended, [0, null]);
  assert.is(lines[0]?.before, false, 'the browser does not wait for it');
  assert.is(lines[0]?.meanwhile, true, 'the user does not wait for it');
  assert.is(lines[1]?.undici, false);
  const { files = [] } = lines[0] ?? {};
  console.log(`measured: ${files.length} files are loaded from the call of signIn() to that of the browser`);
  assert.ok(files.length > 0, 'the test sees files');
  assert.ok(files.length <= mostFilesBeforeBrowser, files.join('\n'));
  assert.is(scene.authority.count('token') - before, 1);
});

test.run();
