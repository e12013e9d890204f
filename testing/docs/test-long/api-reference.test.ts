// Takes about 20 s.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const typedoc = join(createRequire(import.meta.url).resolve('typedoc/package.json'), '../bin/typedoc');

test('typedoc makes the reference without a warning', () => {
  const { status, output } = run();
  assert.is(output, '');
  assert.is(status, 0);
});

test('typedoc fails for an export without a comment, an export of a hidden type, and a broken link', () => {
  const { status, output } = run(
    ...['--entryPoints', 'test-long/undocumented/index.ts', '--packagesRequiringDocumentation', 'testing-docs'],
  );
  assert.is(status, 4);
  assert.match(output, 'undocumented (CallSignature)');
  assert.match(output, 'Hidden');
  assert.match(output, 'Failed to resolve link to "Nothing" in comment for withBrokenLink');
  assert.match(output, '3 warnings');
});

function run(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [typedoc, '--emit', 'none', '--logLevel', 'Warn', ...args],
    {
      cwd: dirname(import.meta.dirname),
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1', NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
      timeout: 50_000,
    },
  );
  return { status, output: stdout + stderr };
}

test.run();
