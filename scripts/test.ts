/**
 * `pnpm test`: builds all packages, runs the tests of each, and ends with one line that adds them up.
 * `pnpm test:long`: the same for the tests that take minutes.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCount } from './test-count.ts';
import { turbo } from './tool.ts';

const task = process.argv.includes('--long') ? 'test:long' : 'test';
const results = mkdtempSync(join(tmpdir(), 'suite-results-'));
const total = new TestCount();
try {
  const status = turbo([task, '--continue=always', '--concurrency=3', '--output-logs=full'], {
    env: { SUITE_RESULTS: results },
  });
  const reports = readdirSync(results);
  for (const report of reports) total.add(JSON.parse(readFileSync(join(results, report), 'utf8')));
  if (reports.length === 0) total.fail('no package ran a test');
  else if (status !== 0 && total.failed === 0) total.fail(`turbo ended with ${status}`);
} finally {
  rmSync(results, { recursive: true, force: true });
}
for (const reason of total.reasons) console.log(reason);
console.log(String(total));
process.exitCode = total.failed > 0 ? 1 : 0;
