import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { TestCount } from './test-count.ts';
import type { TestFile } from './test-files.ts';

export interface TestFileResult {
  readonly count: TestCount;
  /** All that the process printed. */
  readonly output: string;
  readonly seconds: number;
}

const compileCache = import.meta.resolve('./compile-cache.js');
const rootBin = join(import.meta.dirname, '../node_modules/.bin');
/** On Windows a process has no group to end it by. */
const ownGroup = process.platform !== 'win32';
const running = new Set<ChildProcess>();

/** Runs one file in a process of its own, which is killed with all that it started when `deadlineMs` is over. */
export async function runTestFile(file: TestFile, deadlineMs: number): Promise<TestFileResult> {
  const started = performance.now();
  const { output, status } = await runToEnd(file, deadlineMs);
  const count = new TestCount();
  const [, tests, passed, skipped] =
    /Total: +(\d+)\n +Passed: +(\d+)\n +Skipped: +(\d+)/.exec(output)?.map(Number) ?? [];
  if (status === 'exit 0' && /^skipped: .*\n$/.test(output)) count.skipped = 1;
  else if (tests === undefined || passed === undefined || skipped === undefined)
    count.fail(`ended without a result (${status})`);
  else {
    count.passed = passed;
    count.failed = tests - passed;
    count.skipped = skipped;
    if (tests + skipped === 0) count.fail('ran no test (is `test.run()` missing?)');
    else if (count.failed === 0 && status !== 'exit 0')
      count.fail(`all tests passed, then the process ended with ${status}`);
  }
  if (/\.only\s*\(/.test(file.source)) count.fail('`.only` keeps the other tests from running');
  return { count, output, seconds: (performance.now() - started) / 1000 };
}

/** Kills all that `runTestFile` has started: for the end of the runner itself. */
export function killRunning(): void {
  for (const child of running) kill(child);
}

function runToEnd({ folder, path }: TestFile, deadlineMs: number): Promise<{ output: string; status: string }> {
  const child = spawn(process.execPath, ['--import', compileCache, path], {
    cwd: folder,
    detached: ownGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: [join(folder, 'node_modules/.bin'), rootBin, process.env.PATH].join(delimiter),
      FORCE_COLOR: '0',
    },
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      kill(child);
    }, deadlineMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      const status = late ? `still running after ${deadlineMs / 1000} s` : signal ? `signal ${signal}` : `exit ${code}`;
      resolve({ output, status });
    });
  });
}

function kill(child: ChildProcess): void {
  try {
    if (ownGroup && child.pid) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It has ended, and so has its group.
  }
}
