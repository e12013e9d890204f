import type { SignInStatus, StoreOptions } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { type MeantToken, mayAsk } from '../settings/settings.ts';
import type { Failure } from '../terminal/failure.ts';
import { withDatabase } from './database.ts';
import { openSession, type TokenSession } from './session.ts';
import { notSignedIn, notSignedInAt, readStoredSignIn } from './stored-sign-in.ts';

/**
 * Opens the database or, with ONEDRIVE_TOKEN_SOCKET, a connection to the `serve` that has it. A person is asked to sign in if
 * there is one. Throws as `openSession`.
 */
export async function openTokenSource(command: Command): Promise<TokenSession> {
  const { settings } = command;
  if (settings.socket === undefined) return openSession(command, { interactive: mayAsk(settings) });
  const { openSocketSession } = await import('./socket-session.ts');
  return openSocketSession(command, settings.socket);
}

export interface ReadStatus {
  readonly found: SignInStatus;
  /** Why nobody is signed in. */
  readonly missing: Failure | undefined;
  /** Those of the command line or the stored sign-in. */
  readonly meant: Partial<Pick<MeantToken, 'authority' | 'clientId'>>;
}

/** What is stored or, with ONEDRIVE_TOKEN_SOCKET, what the `serve` has. */
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
