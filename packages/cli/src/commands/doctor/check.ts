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

/** `results`: those of the checks before it. */
export async function runCheck(
  { name, needs = [], run }: Check,
  results: readonly CheckResult[],
  command: Command,
): Promise<CheckResult> {
  try {
    const failed = results.find((result) => needs.includes(result.name) && result.ok === false);
    if (failed) throw new NotChecked(failed.name);
    return { name, ok: true, detail: await run() };
  } catch (error) {
    if (error instanceof NotChecked) return { name, ok: null, detail: `not checked, because ${error.message} failed` };
    const { problem, remedy = 'Mend this, then run doctor again' } = describeError(error, command);
    return { name, ok: false, detail: problem.replace(/\s+/g, ' '), remedy };
  }
}

/** Does the work at the first call. All calls have its one result. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
