import { readFileSync } from 'node:fs';
import type { ErrorContext, WayIn } from './errors/describe-error.ts';
import { reportError } from './errors/report-error.ts';
import type { Flags } from './settings/common-options.ts';
import { readSettings, type Settings } from './settings/settings.ts';
import { Interrupt } from './terminal/interrupt.ts';
import { Screen } from './terminal/screen.ts';

/** What every command runs with. */
export interface Command extends ErrorContext {
  readonly settings: Settings;
  readonly screen: Screen;
  readonly interrupt: Interrupt;
  /** Set while a sign-in is under way, so that an error can speak of that way in. */
  wayIn: WayIn | undefined;
}

/** Runs `work` with the common options in `flags`, and resolves with the exit status. Throws UsageError for wrong options. */
export async function runCommand(flags: Flags, work: (command: Command) => Promise<number>): Promise<number> {
  const settings = readSettings(flags);
  using screen = new Screen();
  using interrupt = new Interrupt();
  const command: Command = { settings, screen, interrupt, wayIn: undefined };
  try {
    return await work(command);
  } catch (error) {
    screen.clear();
    return reportError(error, command);
  }
}

/** The version in this package's manifest. This file and the built one are both one folder below it. */
export function readVersion(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
