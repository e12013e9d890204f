// Takes about 8 s.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readManifest, readText, root } from '../src/repository.ts';

const typedoc = join(createRequire(import.meta.url).resolve('typedoc/package.json'), '../bin/typedoc');

test('the reference has every entry that a package exports', () => {
  const exported = globSync('packages/*', { cwd: root }).flatMap((folder) =>
    Object.values(readManifest(folder).exports ?? {}).flatMap((target) => {
      const source = typeof target === 'object' && target.default.replace('./dist/', '/src/').replace('.js', '.ts');
      return source ? [`../../${folder.replaceAll('\\', '/')}${source}`] : [];
    }),
  );
  const { entryPoints } = JSON.parse(readText('testing/docs/typedoc.json'));
  assert.equal(entryPoints.toSorted(), exported.toSorted());
});

test('typedoc makes the reference without a warning', () => {
  const { status, output } = run();
  assert.is(output, '');
  assert.is(status, 0);
});

test('typedoc fails for an export without a comment, an export of a hidden type, and a broken link', () => {
  const { status, output } = run(
    ...['--entryPoints', 'test/undocumented/index.ts', '--packagesRequiringDocumentation', 'testing-docs'],
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
      env: { ...process.env, NO_COLOR: '1' },
      timeout: 50_000,
    },
  );
  return { status, output: stdout + stderr };
}

test.run();
