// Prints a token, or runs a program with it. start.ts loads this file, so it must not import what only the full program needs.
import type { ChildProcess } from 'node:child_process';
import { type DatabaseSettings, readDatabase } from '../settings/database-name.ts';
import { exitStatus, Failure } from '../terminal/failure.ts';
import { isTerminal, writeOut } from '../terminal/streams.ts';

/**
 * Prints the token; `expiresAt` is in epoch milliseconds. With `header`, prints an HTTP header instead: a line for `curl -H @-`, or with
 * `json` an object of headers. Returns the exit status.
 */
export function printToken(
  token: string,
  expiresAt: number,
  { json, header = false }: { json: boolean; header?: boolean },
): number {
  const value = `Bearer ${token}`;
  if (json) writeOut(`${JSON.stringify(header ? { Authorization: value } : { token, expiresAt })}\n`);
  else writeOut(header ? `Authorization: ${value}\n` : `${token}\n`);
  return exitStatus.done;
}

/** A shell ends with these statuses if it cannot run a program. */
const notExecutable = 126;
const notFound = 127;

const forwarded: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** A terminal sends these to every process in the foreground, so the child gets them without us. */
const fromKeyboard: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/**
 * Runs a program with the token in its environment, which no other user can read. Resolves with the program's exit status.
 * `program` is its name and its arguments.
 */
export async function runWithToken(
  token: string,
  [name = '', ...args]: readonly string[],
  settings: DatabaseSettings,
): Promise<number> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const { signals } = process.getBuiltinModule('node:os').constants;
  const env = { ...withoutSecrets(settings), ONEDRIVE_TOKEN: token };
  let child: ChildProcess | undefined;
  const forward = (signal: NodeJS.Signals): void => {
    const isTyped = fromKeyboard.includes(signal) && ([0, 1, 2] as const).some(isTerminal);
    if (!isTyped) child?.kill(signal);
  };
  const known = forwarded.filter((signal) => signal in signals);
  // Listen before the spawn: the child may start, and send a signal, before this process goes on.
  for (const signal of known) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      // On Windows, `spawn` throws if the file is not a program.
      child = spawn(name, args, { stdio: 'inherit', env });
      // A signal that cannot be sent, for example to sudo, does not end the child.
      child.on('error', (error: NodeJS.ErrnoException) => error.syscall === 'kill' || reject(error));
      child.once('exit', (status, signal) => resolve(signal ? 128 + signals[signal] : (status ?? 1)));
    });
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, name);
  } finally {
    for (const signal of known) process.off(signal, forward);
  }
}

/** The environment for the program, without the secrets of the database. */
function withoutSecrets({ postgresUrl }: DatabaseSettings): NodeJS.ProcessEnv {
  // With --db, ONEDRIVE_TOKEN_DB may name another database, whose password is a secret too.
  const named = readVariable();
  // `db` is the URL without its password.
  const hasPassword = named.postgresUrl !== undefined && named.postgresUrl !== named.db;
  const isPostgres = postgresUrl !== undefined || named.postgresUrl !== undefined;
  const ofPostgres = isPostgres ? ['PGPASSWORD', 'PGPASSFILE'] : [];
  const secrets = ['ONEDRIVE_TOKEN_KEY', ...ofPostgres, ...(hasPassword ? ['ONEDRIVE_TOKEN_DB'] : [])];
  // Windows ignores the case of a variable's name.
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secrets.includes(name.toUpperCase())));
}

/** The database that ONEDRIVE_TOKEN_DB names. */
function readVariable(): DatabaseSettings {
  const source = 'ONEDRIVE_TOKEN_DB';
  const name = process.env[source] ?? '';
  try {
    return readDatabase(name, { source, isOnCommandLine: false });
  } catch {
    // An invalid URL may contain a password.
    return { db: '', postgresUrl: name };
  }
}

function explain(error: NodeJS.ErrnoException, program: string): Failure {
  // npm, az and many others are batch files on Windows, which only cmd runs.
  const isWindows = process.platform === 'win32';
  const remedy = isWindows ? `Run a batch file so: onedrive-token exec -- cmd /c ${program}` : undefined;
  if (error.code === 'ENOENT') return new Failure(`${program}: command not found`, { status: notFound, remedy });
  return new Failure(`${program}: cannot be executed (${error.code})`, { status: notExecutable, remedy });
}
