/**
 * Runs the tests of the package in the working directory:
 *
 *   node ../../scripts/suite.ts [--long] [--deadline MILLISECONDS] [FILE…]
 *
 * Every test file runs in a process of its own, with a deadline. This runner fails in four cases in which uvu alone would pass or
 * wait for ever: a file that runs no test, a test that is `.only`, a hook that throws, and a test that hangs.
 *
 * `--long` runs `test-long/` instead of `test/`, with a longer deadline. FILE is a part of a file's name: only such files run.
 * If a file passes, only its lines that begin with `skipped:` or `measured:` are shown.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TestCount } from './test-count.ts';

const { values, positionals } = parseArgs({
  options: { long: { type: 'boolean' }, deadline: { type: 'string' } },
  allowPositionals: true,
});
const folder = values.long ? 'test-long' : 'test';
const deadlineMs = Number(values.deadline ?? (values.long ? 900_000 : 60_000));
const compileCache = import.meta.resolve('./compile-cache.ts');
const packageName: string = JSON.parse(readFileSync('package.json', 'utf8')).name;

const files = globSync(`${folder}/**/*.test.ts`)
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .sort();

const total = new TestCount();
if (files.length === 0) total.fail(`no test file in ${packageName}/${folder}`);
for (const file of files) await runFile(file);

for (const reason of total.reasons) console.log(reason);
console.log(`${packageName}: ${total}`);
// scripts/test.ts reads these files and adds them up.
if (process.env.SUITE_RESULTS && existsSync(process.env.SUITE_RESULTS)) {
  writeFileSync(join(process.env.SUITE_RESULTS, `${packageName}.json`), JSON.stringify(total));
}
process.exitCode = total.failed > 0 ? 1 : 0;

async function runFile(file: string): Promise<void> {
  const started = performance.now();
  const { output, status } = await runToEnd(file);
  const count = new TestCount();
  const [, tests, passed, skipped] =
    /Total: +(\d+)\n +Passed: +(\d+)\n +Skipped: +(\d+)/.exec(output)?.map(Number) ?? [];
  if (tests === undefined || passed === undefined || skipped === undefined)
    count.fail(`ended without a result (${status})`);
  else {
    count.passed = passed;
    count.failed = tests - passed;
    count.skipped = skipped;
    if (tests + skipped === 0) count.fail('ran no test (is `test.run()` missing?)');
    else if (count.failed === 0 && status !== 'exit 0')
      count.fail(`all tests passed, then the process ended with ${status}`);
  }
  if (/\.only\s*\(/.test(readFileSync(file, 'utf8'))) count.fail('`.only` keeps the other tests from running');

  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${count.failed > 0 ? '✘' : '✔'} ${file}: ${count} (${seconds} s)`);
  if (count.failed > 0) console.log(output.replace(/^/gm, '    '));
  else for (const line of new Set(output.match(/^(skipped|measured): .*$/gm))) console.log(`    ${line}`);
  for (const reason of count.reasons) console.log(`    ${reason}`);
  total.add(count);
}

function runToEnd(file: string): Promise<{ output: string; status: string }> {
  const ownGroup = process.platform !== 'win32';
  const child = spawn(process.execPath, ['--import', compileCache, file], {
    detached: ownGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    let late = false;
    const kill = (): void => {
      late = true;
      if (ownGroup && child.pid) process.kill(-child.pid, 'SIGKILL');
      else child.kill('SIGKILL');
    };
    const timer = setTimeout(kill, deadlineMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const status = late ? `still running after ${deadlineMs / 1000} s` : signal ? `signal ${signal}` : `exit ${code}`;
      resolve({ output, status });
    });
  });
}
