import { Interrupt } from '../terminal/interrupt.ts';
import { Screen } from '../terminal/screen.ts';
import type { ErrorContext, ShownMethod } from './describe-error.ts';
import type { Flags } from './options.ts';
import { readSettings, type Settings } from './settings.ts';

/** What every command runs with. */
export interface Command extends ErrorContext {
  readonly settings: Settings;
  readonly screen: Screen;
  readonly interrupt: Interrupt;
  signInMethod: ShownMethod | undefined;
  isSignInKept: boolean;
  /** What the person has typed, if it was right: no command asks for it twice. */
  passphrase: string | undefined;
}

/** Runs `work` with the common options in `flags`, and resolves with the exit status. Throws UsageError for wrong options. */
export async function runCommand(flags: Flags, work: (command: Command) => Promise<number>): Promise<number> {
  const settings = readSettings(flags);
  using screen = new Screen();
  using interrupt = new Interrupt();
  const command: Command = {
    settings,
    screen,
    interrupt,
    signInMethod: undefined,
    isSignInKept: false,
    passphrase: undefined,
  };
  try {
    return await work(command);
  } catch (error) {
    screen.clear();
    // Loads the handler, which help and completion do without.
    const { reportError } = await import('./report-error.ts');
    return reportError(error, command);
  }
}
