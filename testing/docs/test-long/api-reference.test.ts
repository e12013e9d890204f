// Takes about 20 s.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const typedoc = join(createRequire(import.meta.url).resolve('typedoc/package.json'), '../bin/typedoc');

test('typedoc makes the reference without a warning', () => {
  const args = [typedoc, '--emit', 'none', '--logLevel', 'Warn'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: dirname(import.meta.dirname),
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
    timeout: 50_000,
  });
  assert.equal([status, stdout + stderr], [0, '']);
});

test.run();
