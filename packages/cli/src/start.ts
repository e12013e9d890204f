/**
 * This file and what it imports are all that is loaded to print a stored token, so that `$(onedrive-token)` takes little longer
 * than Node itself. The build makes one file of them; the rest is imported when it is needed.
 */
import { readStoredToken, type StoredToken } from 'onedrive-token-handler/stored-token';
import { printToken } from './commands/print-token.ts';
import { runWithToken } from './commands/run-with-token.ts';
import { execMinValidMs, type PlainLine, readPlainLine } from './settings/common-options.ts';
import { expiresSoon } from './settings/expires-soon.ts';
import { readSettings, type Settings } from './settings/settings.ts';
import { readTokenOptions } from './settings/token-options.ts';
import { readVersion } from './settings/version.ts';
import { writeOut } from './terminal/streams.ts';

/** Runs one command line, and resolves with its exit status. */
export async function start(args: readonly string[]): Promise<number> {
  try {
    if (args.length === 1 && ['--version', '-V'].includes(args[0] as string)) {
      writeOut(`${readVersion()}\n`);
      return 0;
    }
    if (args.length === 1 && ['--help', '-h'].includes(args[0] as string) && !mayBeTerminal()) {
      writeOut((await import('./help.ts')).helpText);
      return 0;
    }
    const line = readPlainLine(args);
    if (line)
      return (await useStoredToken(line)) ?? (await (await import('./commands/run-plain-line.ts')).runPlainLine(line));
    return await (await import('./program.ts')).runProgram(args);
  } catch (error) {
    const { reportError } = await import('./settings/report-error.ts');
    return reportError(error);
  }
}

/** Runs the line if it needs a token that only has to be read from the database. Returns undefined if it needs more than that. */
async function useStoredToken({ command, flags, program }: PlainLine): Promise<number | undefined> {
  if (command !== 'token' && command !== 'exec') return undefined;
  const settings = readSettings(flags);
  const stored = readToken(settings, command === 'exec' ? execMinValidMs : undefined);
  // Only the full program warns that the sign-in expires soon.
  if (!stored || expiresSoon(stored.renewBy)) return undefined;
  if (command === 'exec') {
    return runWithToken(stored.accessToken, program, settings);
  }
  printToken(stored.accessToken, stored.expiresAt, settings);
  return 0;
}

function readToken(settings: Settings, minValid: number | undefined): StoredToken | undefined {
  // With a key given, only the full program can decrypt or explain. Only it connects to PostgreSQL or to a socket.
  const needsProgram =
    settings.hasKey || settings.verbose || settings.postgresUrl !== undefined || settings.socket !== undefined;
  const options = needsProgram ? undefined : readTokenOptions(settings);
  return options && tryToRead({ ...options, minValid });
}

function tryToRead(options: Parameters<typeof readStoredToken>[0]): StoredToken | undefined {
  try {
    return readStoredToken(options);
  } catch {
    // The full program says what is wrong with an option.
    return undefined;
  }
}

/** A terminal may have another width than 80 columns, for which the full program wraps the help. */
function mayBeTerminal(): boolean {
  return process.getBuiltinModule('node:fs').fstatSync(1).isCharacterDevice();
}
