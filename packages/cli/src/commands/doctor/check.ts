import type { Command } from '../../settings/command.ts';
import { describeError } from '../../settings/describe-error.ts';

/** One thing that has to be right. It changes nothing. */
export interface Check {
  readonly name: string;
  /** The checks without which this one says nothing. */
  readonly needs?: readonly string[];
  /** Returns what is there, without a full stop. Throws what is wrong: its problem and its remedy are the finding. */
  run(): Promise<string> | string;
}

/** What a check has found. */
export interface CheckResult {
  readonly name: string;
  /** null: not checked, because another check failed. */
  readonly ok: boolean | null;
  readonly detail: string;
  /** What to do. Always there if `ok` is false. */
  readonly remedy?: string;
}

/** Ends a check that can say nothing because another one failed: its message is that one's name. */
export class NotChecked extends Error {}

/** Runs all checks at the same time, each after those that it needs. Yields the results in the order of the checks. */
export async function* runChecks(checks: readonly Check[], command: Command): AsyncGenerator<CheckResult> {
  const started = new Map<string, Promise<CheckResult>>();
  /** For each check that was not run, the one that failed. */
  const causes = new Map<string, string>();
  const start = async ({ name, needs = [], run }: Check): Promise<CheckResult> => {
    try {
      for (const need of needs) {
        if ((await started.get(need))?.ok !== true) throw new NotChecked(causes.get(need) ?? need);
      }
      return { name, ok: true, detail: await run() };
    } catch (error) {
      if (error instanceof NotChecked) {
        causes.set(name, error.message);
        return { name, ok: null, detail: `not checked, because ${error.message} failed` };
      }
      const { problem, remedy = 'Mend this, then run doctor again' } = describeError(error, command);
      return { name, ok: false, detail: problem.replace(/\s+/g, ' '), remedy };
    }
  };
  for (const check of checks) started.set(check.name, start(check));
  for (const result of started.values()) yield await result;
}

/** Does the work at the first call. All calls have its one result. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
