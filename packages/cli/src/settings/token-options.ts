import { readRememberedApp } from '../files/private-json.ts';
import type { Settings } from './settings.ts';

/** Asked for if the command line names no scopes and none are remembered. */
export const defaultScopes: readonly string[] = ['Files.ReadWrite.All'];

/** What a record in PostgreSQL tells about its sign-in. */
export interface SignedInWith {
  readonly clientId?: string | undefined;
  readonly authority?: string | undefined;
}

/** Which token is meant, as options of the handler and of its `readStoredToken`. */
export interface TokenOptions {
  appName: string;
  clientId: string;
  /** With PostgreSQL, the handler's option `store` takes its place. */
  dbFilepath: string;
  authority?: string;
  /** What a sign-in asks for if nothing is stored. */
  scopes: readonly string[];
  /** A stored sign-in counts with the scopes it was granted. */
  useGrantedScopes: true;
}

/**
 * Decides which token is meant: the settings first, then what the last sign-in left behind, which is in a file beside the
 * database or, with PostgreSQL, in the stored `record`. `scopes` are those of the command line, if any. Returns undefined if no
 * client id is known.
 */
export function readTokenOptions(
  settings: Settings,
  scopes?: readonly string[],
  record?: SignedInWith,
): TokenOptions | undefined {
  const { app: appName, db: dbFilepath, authority = record?.authority } = settings;
  const remembered = settings.postgresUrl === undefined ? readRememberedApp(dbFilepath, appName) : undefined;
  const clientId = settings.clientId ?? record?.clientId ?? remembered?.clientId;
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
