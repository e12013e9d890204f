import type { DatabaseSettings } from '../settings/settings.ts';
import { Failure } from '../terminal/failure.ts';

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
  const env = withoutSecrets(settings);
  let child: ReturnType<typeof spawn> | undefined;
  // Before the child exists: it may start, and send a signal, before this process goes on.
  const stopForwarding = forwardSignals((signal) => child?.kill(signal));
  try {
    return await new Promise<number>((resolve, reject) => {
      // On Windows it throws if the file is no program.
      child = spawn(name, args, { stdio: 'inherit', env: { ...env, ONEDRIVE_TOKEN: token } });
      child.once('error', reject);
      child.once('exit', (status, signal) => resolve(signal ? 128 + signalNumbers()[signal] : (status ?? 1)));
    });
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, name);
  } finally {
    stopForwarding();
  }
}

/** The environment of the program: it gets the token, and not what the tokens are stored with. */
function withoutSecrets({ db, postgresUrl }: DatabaseSettings): NodeJS.ProcessEnv {
  const secrets = ['ONEDRIVE_TOKEN_KEY'];
  // The two differ if the URL has a password.
  if (postgresUrl !== undefined && postgresUrl === process.env.ONEDRIVE_TOKEN_DB && postgresUrl !== db)
    secrets.push('ONEDRIVE_TOKEN_DB');
  // Windows finds a variable whose name was set in small letters, so that one has to go as well.
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secrets.includes(name.toUpperCase())));
}

function signalNumbers(): Record<NodeJS.Signals, number> {
  return process.getBuiltinModule('node:os').constants.signals;
}

function forwardSignals(send: (signal: NodeJS.Signals) => void): () => void {
  const forward = (signal: NodeJS.Signals): void => {
    if (!(process.stdin.isTTY && fromKeyboard.includes(signal))) send(signal);
  };
  const known = forwarded.filter((signal) => signal in signalNumbers());
  for (const signal of known) process.on(signal, forward);
  return () => {
    for (const signal of known) process.off(signal, forward);
  };
}

function explain(error: NodeJS.ErrnoException, program: string): unknown {
  const windows = process.platform === 'win32';
  // npm, az and many others are batch files there, which only cmd runs.
  const hint = windows ? `. Run a batch file so: onedrive-token exec -- cmd /c ${program}` : '';
  if (error.code === 'ENOENT') return new Failure(`${program}: command not found${hint}`, notFound);
  // The last two are Windows' for a file that is no program, and Node's for a batch file.
  if (error.code === 'EACCES' || (windows && (error.code === 'EFTYPE' || error.code === 'EINVAL')))
    return new Failure(`${program}: cannot be executed${hint}`, notExecutable);
  return error;
}
