/**
 * `pnpm test`: builds all packages, runs all their tests, and ends with one line that adds them up.
 * `pnpm test:long`: the same for the tests that take minutes.
 *
 *   pnpm test [--jobs N] [--deadline MILLISECONDS] [--retry] [FILE…]
 *
 * All packages share the N processes that run at a time. `suite.ts` says what else the options mean.
 */
import { processorSeconds, readTestOptions, runTestFiles } from './run-test-files.ts';
import { TestCount } from './test-count.ts';
import { findTestedPackages, findTestFiles } from './test-files.ts';
import { turbo } from './tool.ts';

const options = readTestOptions();
const total = new TestCount();
const built = turbo(['build', '--output-logs=errors-only']);
if (built !== 0) total.fail(`the build failed: turbo ended with ${built}`);
else {
  const packages = findTestedPackages(options);
  const files = [...packages.keys()].flatMap((folder) => findTestFiles(folder, options));
  const counts = await runTestFiles(files, options);
  for (const [folder, name] of packages) {
    const count = counts.get(folder);
    if (count) {
      console.log(`${name}: ${count}`);
      total.add(count);
    } else if (options.parts.length === 0) total.fail(`${name} has no test file`);
  }
  if (files.length === 0) total.fail('no package ran a test');
}
const cpu = processorSeconds();
const took = `${(performance.now() / 1000).toFixed(0)} s`;
console.log(cpu === undefined ? `took ${took}` : `took ${took} and ${cpu.toFixed(0)} s of processor time`);
for (const reason of total.reasons) console.log(reason);
console.log(String(total));
process.exitCode = total.failed > 0 ? 1 : 0;
