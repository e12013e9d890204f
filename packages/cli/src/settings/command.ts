import { createRequire } from 'node:module';
import { exitStatus } from '../terminal/failure.ts';
import { Interrupt } from '../terminal/interrupt.ts';
import { Screen } from '../terminal/screen.ts';
import { type ErrorContext, reportError } from './describe-error.ts';
import type { Flags, OptionDefinitions, OptionValues } from './options.ts';
import { readSettings, type Settings } from './settings.ts';

export interface Command extends ErrorContext {
  readonly settings: Settings;
  readonly screen: Screen;
  readonly interrupt: Interrupt;
  /** The passphrase that the person typed last, so that no command asks twice. */
  passphrase?: string | undefined;
}

/** The version in this package's manifest, found by the package's name: src/ and dist/ have different depths. */
export function readVersion(): string {
  return createRequire(import.meta.url)('onedrive-token/package.json').version;
}

/** Runs `work` with the common options in `flags`, and resolves with the exit status. Throws UsageError for wrong options. */
export async function runCommand(
  flags: Flags,
  work: (command: Command) => Promise<number | undefined>,
): Promise<number> {
  const settings = readSettings(flags);
  using screen = new Screen();
  using interrupt = new Interrupt();
  const command: Command = { settings, screen, interrupt };
  try {
    return (await work(command)) ?? exitStatus.done;
  } catch (error) {
    screen.clear();
    return await reportError(error, command);
  }
}

/** One command: its words, its options, its work. Everything that the program says about it comes from this. */
export interface CommandDefinition<Options extends OptionDefinitions = OptionDefinitions> {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly (readonly [commandLine: string, purpose: string])[];
  readonly arguments?: readonly {
    /** As the help shows it: `<path>`, or `[args...]` if it may be left out. */
    readonly name: string;
    readonly description: string;
    readonly choices?: readonly string[];
  }[];
  readonly options?: Options;
  /** The command cannot work through the socket of a `serve`. */
  readonly needsDatabase?: true;
  /** The arguments after the first one belong to the program that the command runs. */
  readonly runsProgram?: true;
  /** Resolves with the exit status, if that is not `done`. */
  run(command: Command, options: OptionValues<Options>, args: readonly string[]): Promise<number | undefined>;
}

/** Gives `run` the types of the options. */
export function defineCommand<const Options extends OptionDefinitions>(
  definition: CommandDefinition<Options>,
): CommandDefinition<Options> {
  return definition;
}
