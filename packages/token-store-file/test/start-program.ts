import { type Program, startProgram as start } from 'testing-authority/start-program';

export type { Program };

/** Runs `test/programs/NAME.ts` in a process of its own. `before`: a tool that starts it, such as strace, with its arguments. */
export function startProgram(
  name: string,
  args: readonly (string | number)[],
  before: readonly string[] = [],
): Program {
  return start(new URL(`programs/${name}.ts`, import.meta.url), args.map(String), before);
}
