import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { killRunning, runTestFile, runTestFilesTogether, type TestFileResult } from './run-test-process.ts';
import { TestCount } from './test-count.ts';
import { nameOf, planProcesses, type TestFile } from './test-files.ts';

export interface TestOptions {
  readonly long: boolean;
  /** How many processes run at a time. */
  readonly jobs: number;
  /** How long one file may take. */
  readonly deadlineMs: number;
  /** Whether a file that fails runs once more, alone, when all others have ended. */
  readonly retry: boolean;
  readonly parts: readonly string[];
}

/** The options of `suite.ts` and `test.ts`, from the command line. */
export function readTestOptions(): TestOptions {
  const { values, positionals } = parseArgs({
    options: {
      long: { type: 'boolean', default: false },
      jobs: { type: 'string' },
      deadline: { type: 'string' },
      retry: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const { long, retry } = values;
  if (long) process.env.TEST_POSTGRES ??= 'system';
  return {
    long,
    retry,
    // More than cores, because most tests wait for something now and then. Of the long ones many start many processes.
    jobs: positive('--jobs', values.jobs ?? availableParallelism() + (long ? 2 : 3)),
    deadlineMs: positive('--deadline', values.deadline ?? (long ? 1_800_000 : 240_000)),
    parts: positionals,
  };
}

/** Runs the files in `jobs` processes at a time, and shows the result of each when it ends. Returns the sum of each package, by its folder. */
export async function runTestFiles(
  files: readonly TestFile[],
  { jobs, deadlineMs, retry }: TestOptions,
): Promise<Map<string, TestCount>> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      killRunning();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  }
  const results = new Map<TestFile, TestCount>();
  const take = (file: TestFile, result: TestFileResult): void => {
    show(file, result);
    results.set(file, result.count);
  };
  const run = async (file: TestFile): Promise<void> => take(file, await runTestFile(file, deadlineMs));
  const waiting = planProcesses(files);
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const together = next.length > 1 ? await runTestFilesTogether(next, deadlineMs) : [];
      if (!together)
        console.log(
          `these share a process that did not run to its end, so each of them alone: ${next.map(nameOf).join(' ')}`,
        );
      for (const [index, file] of next.entries()) {
        const result = together?.[index];
        if (result) take(file, result);
        else await run(file);
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const failed = [...results].filter(([, count]) => count.failed > 0).map(([file]) => file);
  if (retry) for (const file of failed) await run(file);
  for (const file of failed) {
    if (results.get(file)?.failed === 0)
      console.log(`unstable: ${nameOf(file)} failed, then passed alone. Find the cause`);
  }
  const counts = new Map<string, TestCount>();
  for (const [{ folder }, count] of results) {
    const sum = counts.get(folder) ?? new TestCount();
    sum.add(count);
    counts.set(folder, sum);
  }
  return counts;
}

/** If a file passes, only its lines that begin with `skipped:` or `measured:` are shown. */
function show(file: TestFile, { count, output, seconds }: TestFileResult): void {
  const lines = [`${count.failed > 0 ? '✘' : '✔'} ${nameOf(file)}: ${count} (${seconds.toFixed(1)} s)`];
  if (count.failed > 0) lines.push(output.replace(/^/gm, '    '));
  // uvu leaves the line with its dots unfinished.
  else for (const line of new Set(output.match(/(?<=^|• )(skipped|measured): .*$/gm))) lines.push(`    ${line}`);
  for (const reason of count.reasons) lines.push(`    ${reason}`);
  console.log(lines.join('\n'));
}

/** Seconds of processor time of this process and of all that it has started and that has ended. Undefined if the system does not say. */
export function processorSeconds(): number | undefined {
  try {
    // The name of the program, in parentheses, may have spaces. From the third field on there are only numbers.
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  } catch {
    return undefined;
  }
}

function positive(name: string, given: string | number): number {
  const value = Number(given);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`${name} needs a whole number above 0, not '${given}'`);
  process.exit(2);
}
