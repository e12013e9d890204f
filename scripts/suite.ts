/**
 * Runs test files, and ends with a line `N passed, N failed, N skipped`. In the root of the repository it builds and tests all packages. In
 * the folder of a package it tests that package.
 *
 *   node scripts/suite.ts [--long] [--jobs N] [--deadline MILLISECONDS] [--retry] [--bail] [PART…]
 *
 * `--long` runs `test-long/` instead of `test/`. With a PART, only files run whose names contain it. `--jobs` limits the processes that run
 * at a time, each with several files of a package (`test-process.js`). Processes that mostly wait do not count. `--deadline` limits the
 * time of a file. With `--retry`, a file that fails runs once more, alone, when all others have ended. If it passes then, it is listed as
 * unstable. That is for `.ci/run` alone, whose machine may be busy: an unstable test is a defect. With `--bail`, a file ends with its first
 * test that fails, for `mutate.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { globSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { beside, turbo } from './tool.ts';

const root = join(import.meta.dirname, '..');
const isRoot = relative(root, process.cwd()) === '';
const { values, positionals: parts } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    jobs: { type: 'string' },
    deadline: { type: 'string' },
    retry: { type: 'boolean', default: false },
    bail: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const { long, retry, bail } = values;
// More processes than cores, because most tests wait now and then. Fewer for long tests, which measure time.
const jobs = Number(values.jobs ?? availableParallelism() + (long ? 3 : 4));
const deadlineMs = Number(values.deadline ?? (long ? 900_000 : 240_000));
// A short file spends most of its time on loading and warming up, which files of one package can share. A long file does not.
const filesOfProcess = long || bail ? 1 : 10;
// If more waiting files ran at once, they would miss their own deadlines when all of them wake up.
const waitingJobs = 4;
if (long) process.env.TEST_POSTGRES ??= 'system';
else if (hasMemory()) process.env.TMPDIR ??= '/dev/shm';
// Several processes share few cores, where threads and frequent small collections of garbage cost more than they save.
const savingArgs = ['--single-threaded-gc', '--max-semi-space-size=32'];

interface Result {
  passed: number;
  failed: number;
  skipped: number;
  /** The output of the file, with problems other than failed tests. */
  output: string;
}

const noResult = { passed: 0, failed: 1, skipped: 0 };

if (isRoot) {
  const status = turbo(['build', '--output-logs=errors-only']);
  if (status !== 0) {
    console.log(`the build failed: turbo ended with ${status}\n0 passed, 1 failed, 0 skipped`);
    process.exit(1);
  }
}

// A test process leads a process group, so that nothing outlives it. Windows has no process groups.
const hasGroups = process.platform !== 'win32';
const running = new Set<ChildProcess>();
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    running.forEach(end);
    process.exit(status);
  });
}
const files = findFiles();
const results = await runFiles(files, filesOfProcess, jobs);
if (retry) {
  const failed = files.filter((file) => results.get(file)?.failed !== 0);
  for (const [file, result] of await runFiles(failed, 1, 1)) {
    results.set(file, result);
    if (result.failed === 0) console.log(`unstable: ${nameOf(file)} failed, then passed alone. Find the cause`);
  }
}
const total = { passed: 0, failed: files.length === 0 ? 1 : 0, skipped: 0 };
if (files.length === 0) console.log('there is no such test file');
for (const file of files) {
  const result = results.get(file);
  if (!result) console.log(`${nameOf(file)} has no result, so it counts as failed`);
  for (const kind of ['passed', 'failed', 'skipped'] as const) total[kind] += (result ?? noResult)[kind];
}
console.log(
  `took ${(performance.now() / 1000).toFixed(0)} s\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
);
process.exitCode = total.failed > 0 ? 1 : 0;

/** Whether temporary files can be in memory. Databases sync each commit, so on a disk the short tests mostly wait. */
function hasMemory(): boolean {
  try {
    const [, options = 'noexec'] = /^\S+ \/dev\/shm tmpfs (\S+)/m.exec(readFileSync('/proc/mounts', 'utf8')) ?? [];
    const { bavail, bsize } = statfsSync('/dev/shm');
    return !options.split(',').includes('noexec') && bavail * bsize > 2 ** 31;
  } catch {
    return false;
  }
}

/** The slowest files come first, so that none of them is still running when all others have ended. */
function findFiles(): string[] {
  const inPackage = `${long ? 'test-long' : 'test'}/**/*.test.ts`;
  const patterns = isRoot
    ? ['packages/*', 'testing/*', 'scripts'].map((folder) => `${folder}/${inPackage}`)
    : [inPackage];
  return globSync(patterns, { exclude: ['**/node_modules/**'] })
    .map((path) => join(process.cwd(), path))
    .filter((file) => parts.length === 0 || parts.some((part) => nameOf(file).includes(part)))
    .sort()
    .sort((a, b) => seconds(b) - seconds(a));
}

/** The duration that a file states. */
function seconds(file: string): number {
  return Number(/^\/\/ Takes about (\d+) s\.$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
}

/**
 * Runs the files: up to `size` files of a package one after the other in a process, and `jobs` processes at a time. A short file that
 * states its duration mostly waits: it has a process of its own, which does not count as one of the `jobs`.
 */
async function runFiles(files: readonly string[], size: number, jobs: number): Promise<Map<string, Result>> {
  const results = new Map<string, Result>();
  const folderOf = (file: string): string => /^.*[\\/]test(-long)?[\\/]/.exec(file)?.[0] ?? '';
  const waiting = size === 1 ? [] : files.filter((file) => seconds(file) > 0);
  const ofPackages = Object.values(Object.groupBy(files.slice(waiting.length), folderOf));
  const groups = ofPackages.flatMap((group = []) =>
    Array.from({ length: Math.ceil(group.length / size) }, (_, index) => group.slice(index * size, (index + 1) * size)),
  );
  const run = async (group: readonly string[]): Promise<void> => {
    // If a process ends early, another one runs the remaining files.
    for (let done = 0; done < group.length; ) {
      for (const result of await runProcess(group.slice(done))) results.set(group[done++] as string, result);
    }
  };
  // Small groups come last, and fill the gaps.
  groups.sort((a, b) => b.length - a.length);
  await Promise.all([beside(waitingJobs, waiting, (file) => run([file])), beside(jobs, groups, run)]);
  return results;
}

/** Runs the files in a process, until it ends. Resolves with the results of the files that have begun. */
async function runProcess(files: readonly string[]): Promise<Result[]> {
  const results: Result[] = [];
  const mark = `\n${randomUUID()}\n`;
  const args = [...savingArgs, join(import.meta.dirname, 'test-process.js'), String(deadlineMs), mark, ...files];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: hasGroups });
  running.add(child);
  child.once('exit', () => end(child));
  let stdout = '';
  let stderr = '';
  let start = performance.now();
  let late = false;
  const add = (end: string, printed: string): void => {
    const file = files[results.length] as string;
    const result = judge(printed, stderr, end, readFileSync(file, 'utf8'));
    results.push(result);
    show(file, result, performance.now() - start);
    start = performance.now();
    stderr = '';
    timer.refresh();
  };
  // A file in an endless loop cannot keep its own deadline, and a process that it started may hold the output open.
  const timer = setTimeout(() => {
    late = true;
    end(child);
    child.stdout.destroy();
    child.stderr.destroy();
  }, deadlineMs + 10_000);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const printed = (stdout + text).split(mark);
    stdout = printed.pop() ?? '';
    for (const each of printed) add('exit 0', each);
    if (bail && stdout.includes('✘')) end(child);
  });
  const [status, signal] = await once(child, 'close');
  running.delete(child);
  clearTimeout(timer);
  const how = signal ? `signal ${signal}` : `exit ${status}`;
  add(late ? `no end: it or what it started could not be ended (${how})` : how, stdout);
  return results;
}

/** Kills a test process and all that it has started. */
function end({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(hasGroups ? -pid : pid, 'SIGKILL');
  } catch {
    // The process group has already ended.
  }
}

/** uvu does not fail a file that runs no test, or one in which `.only` keeps other tests from running. */
function judge(stdout: string, stderr: string, end: string, source: string): Result {
  if (end === 'exit 0' && /^skipped: .*\n$/.test(stdout)) return { passed: 0, failed: 0, skipped: 1, output: stdout };
  const counts = /Total: +(\d+)\n +Passed: +(\d+)\n +Skipped: +(\d+)/.exec(stdout);
  const [tests = 0, passed = 0, skipped = 0] = counts?.slice(1).map(Number) ?? [];
  const problem =
    (!counts && `ended without a result (${end})`) ||
    (tests + skipped === 0 && 'ran no test (is `test.run()` missing?)') ||
    (passed === tests && end !== 'exit 0' && `all tests passed, then the process ended with ${end}`) ||
    (/\.only\s*\(/.test(source) && '`.only` keeps the other tests from running');
  const failed = tests - passed + (problem ? 1 : 0);
  return { passed, failed, skipped, output: `${stdout}${stderr}${problem ? `${problem}\n` : ''}` };
}

/** Of a file that passes, shows only the lines that begin with `skipped:` or `measured:`. */
function show(file: string, { passed, failed, skipped, output }: Result, ms: number): void {
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped (${(ms / 1000).toFixed(1)} s)`;
  console.log(`${failed > 0 ? '✘' : '✔'} ${nameOf(file)}: ${counts}`);
  if (failed > 0) console.log(output.replace(/^/gm, '    '));
  // uvu does not end the line of its dots.
  else for (const line of new Set(output.match(/(?<=^|• )(skipped|measured): .*$/gm))) console.log(`    ${line}`);
}

/** From the root of the repository, with slashes on every system. */
function nameOf(file: string): string {
  return relative(root, file).replaceAll(sep, '/');
}
