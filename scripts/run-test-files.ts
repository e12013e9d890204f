/** Runs test files by Node's own runner, each in a process of its own, and shows the result of each. `suite.ts` starts it. */
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { values, positionals: parts } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    jobs: { type: 'string' },
    deadline: { type: 'string' },
    retry: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const { long, retry } = values;
// More than cores, because most tests wait for something now and then. Of the long ones many start many processes.
const jobs = Number(values.jobs ?? availableParallelism() + (long ? 2 : 3));
const deadlineMs = Number(values.deadline ?? (long ? 900_000 : 240_000));
process.env.TEST_DEADLINE_MS = String(deadlineMs);
if (long) process.env.TEST_POSTGRES ??= 'system';

interface Result {
  passed: number;
  failed: number;
  skipped: number;
  /** All that the file printed, with what is wrong beside failed tests. */
  output: string;
}

const files = findFiles();
const results = await runFiles(files, jobs);
if (retry) {
  const failed = files.filter((file) => results.get(file)?.failed !== 0);
  for (const [file, result] of await runFiles(failed, 1)) {
    results.set(file, result);
    if (result.failed === 0) console.log(`unstable: ${nameOf(file)} failed, then passed alone. Find the cause`);
  }
}
const total = { passed: 0, failed: files.length === 0 ? 1 : 0, skipped: 0 };
if (files.length === 0) console.log('there is no such test file');
for (const result of results.values())
  for (const kind of ['passed', 'failed', 'skipped'] as const) total[kind] += result[kind];
console.log(
  `took ${(performance.now() / 1000).toFixed(0)} s\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
);
process.exitCode = total.failed > 0 ? 1 : 0;

/** Those that take long come first, so that none of them is still running when everything else has ended. */
function findFiles(): string[] {
  const inPackage = `${long ? 'test-long' : 'test'}/**/*.test.ts`;
  const isRoot = relative(root, process.cwd()) === '';
  const patterns = isRoot
    ? ['packages/*', 'testing/*', 'scripts'].map((folder) => `${folder}/${inPackage}`)
    : [inPackage];
  const seconds = (file: string): number =>
    Number(/^\/\/ Takes about (\d+) s\.$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
  return globSync(patterns, { exclude: ['**/node_modules/**'] })
    .map((path) => join(process.cwd(), path))
    .filter((file) => parts.length === 0 || parts.some((part) => nameOf(file).includes(part)))
    .sort()
    .sort((a, b) => seconds(b) - seconds(a));
}

async function runFiles(files: readonly string[], concurrency: number): Promise<Map<string, Result>> {
  const results = new Map<string, Result>();
  if (files.length === 0) return results;
  const outputs = new Map<string, string>();
  const execArgv = ['--import', import.meta.resolve('./test-process.js')];
  const late = new Map<string, NodeJS.Timeout>();
  const events = run({ files: [...files], concurrency, execArgv });
  for await (const { type, data } of events) {
    if ((type === 'test:stdout' || type === 'test:stderr') && data.file) {
      outputs.set(data.file, (outputs.get(data.file) ?? '') + data.message);
    } else if (type === 'test:dequeue' && data.file) {
      late.set(
        data.file,
        setTimeout(() => giveUp(data.file), deadlineMs + 10_000),
      );
    } else if (type === 'test:complete' && data.file) {
      clearTimeout(late.get(data.file));
    } else if ((type === 'test:pass' || type === 'test:fail') && data.nesting === 0 && data.file) {
      const end = type === 'test:pass' ? 'exit 0' : endOf(data.details.error);
      const result = judge(outputs.get(data.file) ?? '', end, readFileSync(data.file, 'utf8'));
      results.set(data.file, result);
      show(data.file, result, data.details.duration_ms);
    }
  }
  return results;
}

/** The file never comes back from a loop, or what it started holds its output open. */
function giveUp(file = ''): never {
  console.log(`✘ ${nameOf(file)}: its process or what that started cannot be ended\n0 passed, 1 failed, 0 skipped`);
  process.exit(1);
}

function endOf(error: Error & { exitCode?: number; signal?: string }): string {
  return error.signal ? `signal ${error.signal}` : `exit ${error.exitCode}`;
}

/** uvu passes a file that runs no test, and leaves tests out beside one that is `.only`. */
function judge(output: string, end: string, source: string): Result {
  if (end === 'exit 0' && /^skipped: .*\n$/.test(output)) return { passed: 0, failed: 0, skipped: 1, output };
  const counts = /Total: +(\d+)\n +Passed: +(\d+)\n +Skipped: +(\d+)/.exec(output);
  const [tests = 0, passed = 0, skipped = 0] = counts?.slice(1).map(Number) ?? [];
  const problem =
    (!counts && `ended without a result (${end})`) ||
    (tests + skipped === 0 && 'ran no test (is `test.run()` missing?)') ||
    (passed === tests && end !== 'exit 0' && `all tests passed, then the process ended with ${end}`) ||
    (/\.only\s*\(/.test(source) && '`.only` keeps the other tests from running');
  const failed = tests - passed + (problem ? 1 : 0);
  return { passed, failed, skipped, output: problem ? `${output}${problem}\n` : output };
}

/** If a file passes, only its lines that begin with `skipped:` or `measured:` are shown. */
function show(file: string, { passed, failed, skipped, output }: Result, ms: number): void {
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped (${(ms / 1000).toFixed(1)} s)`;
  console.log(`${failed > 0 ? '✘' : '✔'} ${nameOf(file)}: ${counts}`);
  if (failed > 0) console.log(output.replace(/^/gm, '    '));
  // uvu leaves the line with its dots unfinished.
  else for (const line of new Set(output.match(/(?<=^|• )(skipped|measured): .*$/gm))) console.log(`    ${line}`);
}

/** From the root of the repository, with slashes on every system. */
function nameOf(file: string): string {
  return relative(root, file).replaceAll(sep, '/');
}
