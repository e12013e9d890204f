import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from '../command.ts';
import { openTokenSource } from '../session/open-token-source.ts';
import { mayAsk } from '../settings/settings.ts';
import { Failure } from '../terminal/failure.ts';

/** A shell ends with these statuses if it cannot run a program. */
const notExecutable = 126;
const notFound = 127;

const forwarded: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** A terminal sends these to every process in the foreground, so the child gets them without us. */
const fromKeyboard: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** Runs a program with the token in its environment, which no other user can read. Resolves with the program's exit status. */
export async function exec(command: Command, program: string, args: readonly string[]): Promise<number> {
  const token = await getToken(command);
  const env = withoutSecrets(command);
  // Before the child exists: it may start, and send a signal, before this process goes on.
  const stopForwarding = forwardSignals((signal) => child.kill(signal));
  command.interrupt[Symbol.dispose]();
  const child = spawn(program, args, { stdio: 'inherit', env: { ...env, ONEDRIVE_TOKEN: token } });
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(explain(error, program)));
    child.once('exit', (status, signal) => resolve(signal ? 128 + constants.signals[signal] : (status ?? 1)));
  }).finally(stopForwarding);
}

/** The environment of the program: it gets the token, and not what the tokens are stored with. */
function withoutSecrets({ settings: { db, postgresUrl } }: Command): NodeJS.ProcessEnv {
  const { ONEDRIVE_TOKEN_KEY: _passphrase, ...env } = process.env;
  // The two differ if the URL has a password.
  if (postgresUrl !== undefined && postgresUrl === env.ONEDRIVE_TOKEN_DB && postgresUrl !== db)
    delete env.ONEDRIVE_TOKEN_DB;
  return env;
}

async function getToken(command: Command): Promise<string> {
  await using session = await openTokenSource(command, { interactive: mayAsk(command.settings) });
  return await session.handler.getToken({ signal: command.interrupt.signal });
}

function forwardSignals(send: (signal: NodeJS.Signals) => void): () => void {
  const forward = (signal: NodeJS.Signals): void => {
    if (!(process.stdin.isTTY && fromKeyboard.includes(signal))) send(signal);
  };
  const known = forwarded.filter((signal) => signal in constants.signals);
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
