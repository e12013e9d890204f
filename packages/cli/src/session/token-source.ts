import type { SignInStatus, StoreOptions } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { type MeantToken, mayAsk } from '../settings/settings.ts';
import type { Failure } from '../terminal/failure.ts';
import { withDatabase } from './database.ts';
import { openSession, type TokenSession } from './session.ts';
import { notSignedIn, notSignedInAt, readStoredSignIn } from './stored-sign-in.ts';

/**
 * Opens the database or, with ONEDRIVE_TOKEN_SOCKET, a connection to the `serve` that has it. A person at a terminal may be asked to sign
 * in. Throws as `openSession`.
 */
export async function openTokenSource(command: Command): Promise<TokenSession> {
  const { settings } = command;
  if (settings.socket === undefined) return openSession(command, { interactive: mayAsk(settings) });
  const { openSocketSession } = await import('./socket-session.ts');
  return openSocketSession(command, settings.socket);
}

export interface ReadStatus {
  readonly found: SignInStatus;
  /** Why no user is signed in. */
  readonly missing: Failure | undefined;
  /** From the command line or the stored sign-in; empty with a socket. */
  readonly meant: Partial<Pick<MeantToken, 'authority' | 'clientId'>>;
}

/** Reads the status of the stored sign-in or, with ONEDRIVE_TOKEN_SOCKET, that of the `serve`. */
export async function readStatus(command: Command): Promise<ReadStatus> {
  const { settings } = command;
  const { socket } = settings;
  if (socket !== undefined) {
    await using session = await openTokenSource(command);
    const found = await session.handler.status();
    return { found, missing: found.signedIn ? undefined : notSignedInAt(socket), meant: {} };
  }
  const read = (database: StoreOptions) => readStoredSignIn(settings, database);
  const stored = await withDatabase(command, read, { readOnly: true });
  const { status: found, meant } = stored;
  return { found, missing: found.signedIn ? undefined : notSignedIn(settings, stored), meant };
}
