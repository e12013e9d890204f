// Takes about 10 s.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packAll } from '../src/packed-package.ts';

const folder = mkdtempSync(join(tmpdir(), 'tarballs-'));
// At the exit of the process, because packing may fail before any test runs.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

for (const { manifest, tarball } of await packAll(folder)) {
  if (!JSON.stringify(manifest.exports).includes('.d.ts')) continue;
  test(`${manifest.name}: arethetypeswrong finds nothing`, async () => {
    const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
    assert.ok(analysis.types, 'it has no types');
    // Ignore the resolutions of programs that cannot import a module.
    const forOthers = /"resolutionKind":"node(10|16-cjs)"/;
    const problems = analysis.problems.filter((problem) => !forOthers.test(JSON.stringify(problem)));
    assert.equal(problems, []);
  });
}

test.run();
