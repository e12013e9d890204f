import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { openTokenSource } from '../session/token-source.ts';
import { type Command, defineCommand } from '../settings/command.ts';
import { type DatabaseSettings, readDatabase } from '../settings/database-name.ts';
import { minValidOption } from '../settings/options.ts';
import { Failure } from '../terminal/failure.ts';
import { isTerminal } from '../terminal/streams.ts';
import { obtainToken } from './token.ts';

/** How long a token is valid at least, if the provider's tokens are valid for that long. */
const wishedMs = 30 * 60_000;

export const exec = defineCommand({
  name: 'exec',
  summary: 'run a program with the token in its environment',
  description: `Runs a program with the token in the variable ONEDRIVE_TOKEN, which other users can't read. The token is valid for 30 minutes or longer if the provider's tokens are. Ends with the program's status: 128 + n if signal n killed it, 126 if it cannot be executed, 127 if it is not found. Passes signals on to the program, except SIGINT and SIGQUIT on a terminal: a terminal sends Ctrl-C to the program itself. The program does not get ONEDRIVE_TOKEN_KEY, nor ONEDRIVE_TOKEN_DB if there is a password in it. If --db or ONEDRIVE_TOKEN_DB names a PostgreSQL database, it does not get PGPASSWORD and PGPASSFILE either.`,
  examples: [
    ['onedrive-token exec -- ./backup.sh --full', 'everything after -- is passed to the program'],
    ['onedrive-token exec --min-valid 50m -- ./long.sh', 'a token that is nearly fresh'],
    ['onedrive-token exec -- python3 backup.py', "reads os.environ['ONEDRIVE_TOKEN']"],
  ],
  arguments: [
    { name: '<program>', description: 'the program to run' },
    { name: '[args...]', description: 'its arguments' },
  ],
  options: {
    minValid: {
      ...minValidOption,
      description:
        "how long the token has to be valid at least (default: 30m, or less if the provider's tokens are shorter)",
    },
  },
  runsProgram: true,
  async run(command, { minValid }, program) {
    const token = await getToken(command, minValid);
    const { interrupt, settings } = command;
    // A signal that arrived during the storing of the token is reported in one of the next two turns of the event loop.
    for (const _ of [1, 2]) await setImmediate();
    interrupt.signal.throwIfAborted();
    const ended = runWithToken(token, program, settings);
    // Not before `runWithToken` listens for signals, or a signal in between would be lost.
    interrupt[Symbol.dispose]();
    return ended;
  },
});

async function getToken(command: Command, minValid: number | undefined): Promise<string> {
  await using session = await openTokenSource(command);
  return (await obtainToken(command, session, { minValid, wishedMs })).accessToken;
}

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
  const env = { ...withoutSecrets(settings), ONEDRIVE_TOKEN: token };
  let child: ChildProcess | undefined;
  const forward = (signal: NodeJS.Signals): void => {
    const isTyped = fromKeyboard.includes(signal) && ([0, 1, 2] as const).some(isTerminal);
    if (!isTyped) child?.kill(signal);
  };
  // Listen before the spawn: the child may start, and send a signal, before this process goes on.
  for (const signal of forwarded) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      // On Windows, `spawn` throws if the file is not a program.
      child = spawn(name, args, { stdio: 'inherit', env });
      // A signal that cannot be sent, for example to sudo, does not end the child.
      child.on('error', (error: NodeJS.ErrnoException) => error.syscall === 'kill' || reject(error));
      child.once('exit', (status, signal) => resolve(signal ? 128 + constants.signals[signal] : (status ?? 1)));
    });
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, name);
  } finally {
    for (const signal of forwarded) process.off(signal, forward);
  }
}

/** The environment for the program, without the secrets of the database. */
function withoutSecrets({ postgresUrl }: DatabaseSettings): NodeJS.ProcessEnv {
  const secrets = ['ONEDRIVE_TOKEN_KEY'];
  let isPostgres = postgresUrl !== undefined;
  const source = 'ONEDRIVE_TOKEN_DB';
  try {
    // With --db, the variable may name another database.
    const named = readDatabase(process.env[source] ?? '', { source, isOnCommandLine: true });
    isPostgres ||= named.postgresUrl !== undefined;
  } catch {
    // The URL has a password, which is refused on a command line, or it cannot be read and may have one.
    isPostgres = true;
    secrets.push(source);
  }
  if (isPostgres) secrets.push('PGPASSWORD', 'PGPASSFILE');
  // Windows ignores the case of a variable's name.
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secrets.includes(name.toUpperCase())));
}

/** The failure with the status of a shell that cannot run a program. */
function explain(error: NodeJS.ErrnoException, program: string): Failure {
  // npm, az and many others are batch files on Windows, which only cmd runs.
  const isWindows = process.platform === 'win32';
  const remedy = isWindows ? `Run a batch file so: onedrive-token exec -- cmd /c ${program}` : undefined;
  if (error.code === 'ENOENT') return new Failure(`${program}: command not found`, { status: 127, remedy });
  return new Failure(`${program}: cannot be executed (${error.code})`, { status: 126, remedy });
}
