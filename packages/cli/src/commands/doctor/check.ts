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

/** Ends a check of what this machine does without, or cannot tell. Its message says so. Nothing is wrong. */
export class DoesNotApply extends Error {}

/** `applies`: whether there was something to check. */
export async function runCheck(
  { name, run }: Check,
  command: Command,
): Promise<{ readonly result: CheckResult; readonly applies: boolean }> {
  try {
    return { result: { name, ok: true, detail: await run() }, applies: true };
  } catch (error) {
    if (error instanceof DoesNotApply) return { result: { name, ok: true, detail: error.message }, applies: false };
    const { problem, remedy = 'Mend this, then run doctor again' } = describeError(error, command);
    return { result: { name, ok: false, detail: problem.replace(/\s+/g, ' '), remedy }, applies: true };
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
