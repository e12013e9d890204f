import { startProgram } from './start-program.ts';

/** What calls have come to. */
export interface Outcome {
  results?: unknown[];
  code?: string;
  reason?: string;
  message?: string;
}

/** Opens each database and makes its calls, as an ordinary user, all in one process. `before`: a tool that starts it. */
export async function attemptAll(
  attempts: readonly (readonly [path: string, ...calls: string[]])[],
  before: readonly string[] = [],
): Promise<Outcome[]> {
  const args = attempts.flatMap((each) => ['--', ...each]).slice(1);
  const { output } = await startProgram('attempt', args, before).ended;
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The same for one database. */
export async function attempt(path: string, calls: readonly string[], before?: readonly string[]): Promise<Outcome> {
  const [outcome = {}] = await attemptAll([[path, ...calls]], before);
  return outcome;
}
