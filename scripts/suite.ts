/**
 * Runs test files, and ends with a line `N passed, N failed, N skipped`: in the root of the repository it builds all packages and tests
 * them, in the folder of a package it tests that one.
 *
 *   node scripts/suite.ts [--long] [--jobs N] [--deadline MILLISECONDS] [--retry] [PART…]
 *
 * `--long` runs `test-long/` instead of `test/`. PART is a part of a file's name: only such files run. `--jobs` says how many files run at a
 * time, `--deadline` how long one may take. With `--retry`, a file that fails runs once more, alone, when all others have ended. If it
 * passes then, it is listed as unstable. That is for `.ci/run` alone, whose machine may be busy: an unstable test is a defect.
 */
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { turbo } from './tool.ts';

const root = join(import.meta.dirname, '..');
if (relative(root, process.cwd()) === '') {
  const status = turbo(['build', '--output-logs=errors-only']);
  if (status !== 0) {
    console.log(`the build failed: turbo ended with ${status}\n0 passed, 1 failed, 0 skipped`);
    process.exit(1);
  }
}

// A process group of its own, so that nothing outlives the run. Windows has none.
const detached = process.platform !== 'win32';
const args = [join(import.meta.dirname, 'run-test-files.ts'), ...process.argv.slice(2)];
const runner = spawn(process.execPath, args, { stdio: 'inherit', detached });
const endAll = (): void => {
  try {
    process.kill(detached ? -(runner.pid ?? 0) : (runner.pid ?? 0), 'SIGKILL');
  } catch {
    // Nothing was left.
  }
};
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    endAll();
    process.exit(status);
  });
}
runner.on('exit', (status) => {
  endAll();
  process.exitCode = status ?? 1;
});
