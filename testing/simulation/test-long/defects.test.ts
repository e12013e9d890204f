// Takes about 40 s.
import * as assert from 'node:assert/strict';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dueToday } from 'testing-authority/due-today';
import { runNode } from 'testing-authority/node-process';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import { coreDefects as defects } from '../src/defects/core-defects.ts';
import { applyPatch } from '../src/machine/load-package.ts';
import { loadSharedToken } from '../src/schedule.ts';
import { testDefects } from '../src/test-defects.ts';

const sharedToken = join(import.meta.dirname, '../../../packages/shared-token');
const due = dueToday(defects, 4);

test('shared-token has the lines that the defects quote', async () => {
  for (const { patches } of defects) await loadSharedToken(patches);
});

for (const { name, patches, foundBy } of due) {
  if (typeof foundBy === 'number') continue;
  test(`a package that ${name} fails its short test ${foundBy}`, async () => {
    const copy = temporaryDirectory();
    for (const part of ['package.json', 'src', 'test'])
      cpSync(join(sharedToken, part), join(copy, part), { recursive: true });
    symlinkSync(join(sharedToken, 'node_modules'), join(copy, 'node_modules'));
    for (const patch of patches) {
      const file = join(copy, 'src', patch.file);
      writeFileSync(file, applyPatch(readFileSync(file, 'utf8'), patch));
    }
    const { status, stdout } = await runNode([join(copy, 'test', `${foundBy}.test.ts`)], {}, { timeout: 150_000 });
    assert.equal(status, 1, stdout);
    const [failure] = /FAIL .*/.exec(stdout) ?? assert.fail(stdout);
    console.log(`measured: ${name}: ${failure}`);
  });
}

testDefects(loadSharedToken, due);
