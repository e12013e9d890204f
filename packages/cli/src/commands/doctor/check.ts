import type { Command } from '../../settings/command.ts';
import { sayError } from '../../settings/describe-error.ts';

/** What one check has found. */
export interface Finding {
  readonly ok: boolean;
  /** What is there, without a full stop. */
  readonly detail: string;
  /** What to do. Always there if `ok` is false. */
  readonly remedy?: string;
}

/** A finding under the name of its check. */
export interface CheckResult extends Finding {
  readonly name: string;
  /** The check that has to succeed before this one can run. */
  readonly blockedBy?: string;
}

/** One thing that has to be right. It changes nothing. */
export interface Check {
  readonly name: string;
  /** The checks without which this one says nothing. */
  readonly needs?: readonly string[];
  /** What it throws is a finding too. */
  run(): Promise<Finding> | Finding;
}

/** Runs all checks at the same time, each after those that it needs. Yields the results in the order of the checks. */
export async function* runChecks(checks: readonly Check[], command: Command): AsyncGenerator<CheckResult> {
  const started = new Map<string, Promise<CheckResult>>();
  const start = async ({ name, needs = [], run }: Check): Promise<CheckResult> => {
    for (const need of needs) {
      const found = await started.get(need);
      if (found && !found.ok) return { name, ...notChecked(found) };
    }
    try {
      return { name, ...(await run()) };
    } catch (error) {
      return { name, ...findingOf(error, command) };
    }
  };
  for (const check of checks) started.set(check.name, start(check));
  for (const result of started.values()) yield await result;
}

/** The remedy is that of the first check that failed. */
function notChecked({ name, blockedBy = name, detail, remedy = detail }: CheckResult): Omit<CheckResult, 'name'> {
  const cause = blockedBy === name ? `First mend ${name}: ${remedy}` : remedy;
  return { ok: false, detail: `not checked, because ${blockedBy} failed`, remedy: cause, blockedBy };
}

/** An error as a finding: its first sentence says what is wrong, the rest what to do. */
function findingOf(error: unknown, command: Command): Finding {
  const text = sayError(error, command).replace(/\s+/g, ' ').trim();
  const [, what = text, remedy = ''] =
    /^(.+?)\.? (?=(?:Run|Check|Set|If|Write|Its|The passphrase|Leave|Unlock|Choose)\b)(.+)$/.exec(text) ?? [];
  return { ok: false, detail: what.replace(/\.$/, ''), remedy: remedy || 'Mend this, then run doctor again.' };
}
