// Takes about 10 s.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import { packAll } from '../src/packed-package.ts';
import { plainEnvironment, run } from '../src/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tarballs-'));
// At the exit, because packing may fail before any test runs.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

for (const { manifest, tarball } of await packAll(folder)) {
  if (!JSON.stringify(manifest.exports).includes('.d.ts')) continue;
  test(`${manifest.name}: arethetypeswrong finds nothing`, async () => {
    const attw = join(import.meta.dirname, '../node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [attw, '--profile', 'esm-only', tarball];
    await run(process.execPath, args, { cwd: folder, env: plainEnvironment() });
  });
}

test.run();
