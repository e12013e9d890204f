import { join } from 'node:path';
import { bin } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run, Scene } from './scene.ts';

/** Files that the command loads as modules before it prints a stored token. If the number falls, lower this limit. */
const mostFiles = 4;
/** Modules of Node that it loads in addition to those of bare Node. If the number falls, lower this limit. */
const mostBuiltins = 2;

const scene = await Scene.open();
test.after(() => scene[Symbol.asyncDispose]());

test(`the command loads at most ${mostFiles} files and ${mostBuiltins} modules of Node before it prints a stored token`, async () => {
  const preload = `--require=${join(import.meta.dirname, 'count-modules.cjs')}`;
  const { authority, dbFilepath } = scene;
  const [token, said] = await run([process.execPath, preload, bin], {
    ONEDRIVE_TOKEN_DB: dbFilepath,
    ONEDRIVE_TOKEN_CLIENT_ID: authority.clientId,
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
  });
  assert.ok(authority.issuedSecrets.has(token.trim()));
  const { files, builtins } = JSON.parse(said) as { files: string[]; builtins: number };
  const names = files.map((file) => file.replace(/^.*\/(packages|node_modules)\//, ''));
  console.log(`measured: ${files.length} files, ${builtins} modules of Node`);
  assert.ok(files.length <= mostFiles, `${files.length} files:\n${names.join('\n')}`);
  assert.ok(
    files.some((file) => file.endsWith('/onedrive-token.js')),
    'the test sees files',
  );
  assert.ok(builtins <= mostBuiltins, `${builtins} modules of Node`);
});

test.run();
