import { UsageError } from '../terminal/failure.ts';
import { commonOptions, longFlag } from './options.ts';
import type { Settings } from './settings.ts';

/** These options say which tokens are meant. With a socket, the `serve` at its other end has decided that. */
const ofDatabase = ['app', 'clientId', 'db', 'keyFile', 'keyring', 'authority'] as const;

/** Throws UsageError if tokens come from a socket, because `command` needs the database. */
export function refuseSocket({ socket }: Settings, command: string): void {
  if (socket === undefined) return;
  throw new UsageError(
    `${command} needs the database, and ONEDRIVE_TOKEN_SOCKET says that tokens come from ${socket}`,
    { remedy: 'Run it on the computer that serves them, without that variable' },
  );
}

/** Throws UsageError if the command line names tokens other than those that come from the socket. */
export function refuseDatabaseOptions({ socket, flags }: Settings): void {
  const given = ofDatabase.find((name) => flags[name] !== undefined);
  if (socket === undefined || given === undefined) return;
  const flag = longFlag(commonOptions[given]);
  throw new UsageError(`${flag}: ONEDRIVE_TOKEN_SOCKET says that tokens come from ${socket}`, {
    remedy: `Leave out ${flag}, or unset that variable`,
  });
}
