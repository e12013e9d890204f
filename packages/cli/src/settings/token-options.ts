import { readRememberedApp } from '../files/remembered-app.ts';
import type { Settings } from './settings.ts';

/** Asked for if the command line names no scopes and none are remembered. */
export const defaultScopes: readonly string[] = ['Files.ReadWrite.All'];

/** Which token is meant, as options of the handler and of its `readStoredToken`. */
export interface TokenOptions {
  appName: string;
  clientId: string;
  dbFilepath: string;
  authority?: string;
  /** What a sign-in asks for if nothing is stored. */
  scopes: readonly string[];
  /** A stored sign-in counts with the scopes it was granted. */
  useGrantedScopes: true;
}

/**
 * Decides which token is meant: the settings first, then what the last sign-in left behind. `scopes` are those of the command
 * line, if any. Returns undefined if no client id is known.
 */
export function readTokenOptions(settings: Settings, scopes?: readonly string[]): TokenOptions | undefined {
  const { app: appName, db: dbFilepath, authority } = settings;
  const remembered = readRememberedApp(dbFilepath, appName);
  const clientId = settings.clientId ?? remembered?.clientId;
  if (!clientId) return undefined;
  return {
    appName,
    clientId,
    dbFilepath,
    ...(authority !== undefined && { authority }),
    // With `openid` and `profile`, the ID token says who signed in.
    scopes: [...(scopes ?? remembered?.scopes ?? defaultScopes), 'openid', 'profile'],
    useGrantedScopes: true,
  };
}
