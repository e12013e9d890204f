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
  // Before the child exists: it may start, and send a signal, before this process goes on.
  const stopForwarding = forwardSignals((signal) => child.kill(signal));
  const child = spawn(name, args, { stdio: 'inherit', env: { ...env, ONEDRIVE_TOKEN: token } });
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(explain(error, name)));
    child.once('exit', (status, signal) => resolve(signal ? 128 + signalNumbers()[signal] : (status ?? 1)));
  }).finally(stopForwarding);
}

/** The environment of the program: it gets the token, and not what the tokens are stored with. */
function withoutSecrets({ db, postgresUrl }: DatabaseSettings): NodeJS.ProcessEnv {
  const { ONEDRIVE_TOKEN_KEY: _passphrase, ...env } = process.env;
  // The two differ if the URL has a password.
  if (postgresUrl !== undefined && postgresUrl === env.ONEDRIVE_TOKEN_DB && postgresUrl !== db)
    delete env.ONEDRIVE_TOKEN_DB;
  return env;
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
  if (error.code === 'ENOENT') return new Failure(`${program}: command not found`, notFound);
  if (error.code === 'EACCES') return new Failure(`${program}: cannot be executed`, notExecutable);
  return error;
}
