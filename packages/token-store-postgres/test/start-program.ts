import { type Program, startProgram as start } from 'testing-authority/start-program';

export type { Program };

/** Runs `test/programs/NAME.ts` in a process of its own, with one argument as JSON. `prefix`: a command that starts it on another host. */
export function startProgram(name: string, argument: unknown, prefix: readonly string[] = []): Program {
  return start(new URL(`programs/${name}.ts`, import.meta.url), [JSON.stringify(argument)], prefix);
}
