import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const runner = join(import.meta.dirname, '../suite.ts');
const uvu = import.meta.resolve('uvu');

/** The runner starts faster with the cache. It hands none on. */
const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };

/** Runs the suite of a package that has these test files. */
export function runSuite(files: Record<string, string>, args: string[] = []): SpawnSyncReturns<string> {
  const folder = mkdtempSync(join(tmpdir(), 'suite-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "name": "example", "type": "module" }');
    for (const [name, source] of Object.entries(files)) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `import { test } from ${JSON.stringify(uvu)};\n${source}`);
    }
    return spawnSync(process.execPath, [runner, ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000, env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file whose test passes. */
export const pass = "test('passes', () => {});\ntest.run();";

/** A file whose test fails at first. */
export const flaky = `import { existsSync, writeFileSync } from 'node:fs';
test('fails once', () => {
  if (existsSync('ran')) return;
  writeFileSync('ran', '');
  throw new Error('the first time');
});
test.run();`;
