import type { Command } from '../../settings/command.ts';
import { describeError } from '../../settings/describe-error.ts';

/** One thing that has to be right. It changes nothing. */
export interface Check {
  readonly name: string;
  /** The checks without which this one says nothing. */
  readonly needs?: readonly string[];
  /**
   * Returns what is there, or that this machine does without or cannot tell, without a full stop. Throws what is wrong: its problem
   * and its remedy are the finding.
   */
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

export async function runCheck({ name, run }: Check, command: Command): Promise<CheckResult> {
  try {
    return { name, ok: true, detail: await run() };
  } catch (error) {
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
