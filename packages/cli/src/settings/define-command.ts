import type { Command } from './command.ts';
import type { OptionDefinitions, OptionValues } from './options.ts';

/** One command: its words, its options, its work. Everything that the program says about it comes from this. */
export interface CommandDefinition<Options extends OptionDefinitions = OptionDefinitions> {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Each command line, with its purpose. */
  readonly examples: readonly (readonly [commandLine: string, purpose: string])[];
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options?: Options;
  /** It can't do its work through the socket of a `serve`. */
  readonly needsDatabase?: true;
  /** What comes after its first argument is not its own, but of the program that it runs. */
  readonly runsProgram?: true;
  /** Resolves with the exit status. */
  run(command: Command, options: OptionValues<Options>, args: readonly string[]): Promise<number>;
}

export interface ArgumentDefinition {
  /** As the help shows it: `<path>`, or `[args...]` if it may be left out. */
  readonly name: string;
  readonly description: string;
  readonly choices?: readonly string[];
  /** What the shell suggests, each with its description. */
  readonly suggestions?: readonly (readonly [value: string, description: string])[];
}

/** Gives `run` the types of the options. */
export function defineCommand<const Options extends OptionDefinitions>(
  definition: CommandDefinition<Options>,
): CommandDefinition<Options> {
  return definition;
}
