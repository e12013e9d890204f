import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { TestCount } from './test-count.ts';
import { separator, type TestFile } from './test-files.ts';

export interface TestFileResult {
  readonly count: TestCount;
  /** All that the file printed. */
  readonly output: string;
  /** Without the start of the process, if several files share it. */
  readonly seconds: number;
}

const compileCache = import.meta.resolve('./compile-cache.js');
const runTogether = join(import.meta.dirname, 'run-together.ts');
const rootBin = join(import.meta.dirname, '../node_modules/.bin');
/** On Windows a process has no group to end it by. */
const ownGroup = process.platform !== 'win32';
const running = new Set<ChildProcess>();

/** Runs one file in a process of its own, which is killed with all that it started when `deadlineMs` is over. */
export async function runTestFile(file: TestFile, deadlineMs: number): Promise<TestFileResult> {
  const started = performance.now();
  const { output, status } = await runToEnd(file.folder, [file.path], deadlineMs);
  return { count: judge(file, output, status), output, seconds: (performance.now() - started) / 1000 };
}

/**
 * Runs small files of one package in one process, each with this deadline. Returns nothing if the process did not run to its end: run the
 * files alone then, and the one that is at fault shows itself.
 */
export async function runTestFilesTogether(
  files: readonly TestFile[],
  deadlineMs: number,
): Promise<readonly TestFileResult[] | undefined> {
  const args = [runTogether, ...files.map(({ path }) => path)];
  const { output, status } = await runToEnd(files[0]?.folder ?? '.', args, deadlineMs);
  const outputs = output.split(separator).slice(1);
  if (status !== 'exit 0' || outputs.length !== files.length) return undefined;
  return files.map((file, index) => {
    const own = outputs[index] ?? '';
    return {
      count: judge(file, own, status),
      output: own,
      seconds: Number(/Duration: +([\d.]+)ms/.exec(own)?.[1]) / 1000,
    };
  });
}

/** Kills all that the functions above have started: for the end of the runner itself. */
export function killRunning(): void {
  for (const child of running) kill(child);
}

/** What a file printed, and how its process ended, in numbers. */
function judge({ source }: TestFile, output: string, status: string): TestCount {
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
  if (/\.only\s*\(/.test(source)) count.fail('`.only` keeps the other tests from running');
  return count;
}

function runToEnd(
  cwd: string,
  args: readonly string[],
  deadlineMs: number,
): Promise<{ output: string; status: string }> {
  const child = spawn(process.execPath, ['--import', compileCache, ...args], {
    cwd,
    detached: ownGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: [join(cwd, 'node_modules/.bin'), rootBin, process.env.PATH].join(delimiter),
      FORCE_COLOR: '0',
    },
  });
  running.add(child);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, deadlineMs);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (text.includes(separator)) timer.refresh();
    });
  }
  return new Promise((resolve) => {
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
