import { readRememberedApp } from './private-json.ts';
import type { Settings } from './settings.ts';

/** Asked for if the command line names no scopes and none are remembered. */
export const defaultScopes: readonly string[] = ['Files.ReadWrite.All'];

/** What a record in PostgreSQL tells about its sign-in. */
export interface SignedInWith {
  readonly clientId?: string | undefined;
  readonly authority?: string | undefined;
  readonly scope?: string | undefined;
}

/** What a command line says about a sign-in. What it leaves out is as at the last sign-in. */
export interface SignInChoice {
  readonly scopes?: readonly string[] | undefined;
  readonly redirectHost?: 'localhost' | '127.0.0.1' | undefined;
  /** '' suggests no account. */
  readonly loginHint?: string | undefined;
}

/** Which token is meant, as options of the handler and of its `readStoredToken`. */
export interface TokenOptions {
  appName: string;
  clientId: string;
  /** With PostgreSQL, the handler's option `store` takes its place. */
  dbFilepath: string;
  authority?: string;
  redirectHost?: 'localhost' | '127.0.0.1';
  loginHint?: string;
  /** What a sign-in asks for if nothing is stored. */
  scopes: readonly string[];
  /** A stored sign-in counts with the scopes it was granted. */
  useGrantedScopes: true;
}

/**
 * Decides which token is meant: the settings first, then what the last sign-in left behind, which is in a file beside the
 * database or, with PostgreSQL, in the stored `record`. Returns undefined if no client id is known.
 */
export function readTokenOptions(
  settings: Settings,
  choice: SignInChoice = {},
  record?: SignedInWith,
): TokenOptions | undefined {
  const { app: appName, db: dbFilepath } = settings;
  const remembered = settings.postgresUrl === undefined ? readRememberedApp(dbFilepath, appName) : undefined;
  const clientId = settings.clientId ?? record?.clientId ?? remembered?.clientId;
  if (!clientId) return undefined;
  const authority = settings.authority ?? record?.authority ?? remembered?.authority;
  const { redirectHost = remembered?.redirectHost, loginHint = remembered?.loginHint } = choice;
  const granted = remembered?.scopes ?? record?.scope?.split(' ').filter(Boolean);
  return {
    appName,
    clientId,
    dbFilepath,
    ...(authority !== undefined && { authority }),
    ...(redirectHost !== undefined && { redirectHost }),
    ...(loginHint && { loginHint }),
    // With `openid` and `profile`, the ID token says who signed in.
    scopes: [...(choice.scopes ?? granted ?? defaultScopes), 'openid', 'profile'],
    useGrantedScopes: true,
  };
}
