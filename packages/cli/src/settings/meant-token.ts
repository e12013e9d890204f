import type { TokenRecord } from 'onedrive-token-handler';
import type { Settings } from './settings.ts';

/** Asked for if neither the command line nor a stored sign-in names scopes. */
export const defaultScopes: readonly string[] = ['Files.ReadWrite.All'];

/** What a stored record says of its sign-in. That of the Python class says nothing. */
type SignedInWith = Pick<Partial<TokenRecord>, 'clientId' | 'authority' | 'scope'>;

/** What `login` has learned besides the common options. */
export interface Asked {
  /** Typed by the person. */
  readonly clientId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}

/** Which token is meant, by the names of the handler's options. Without `authority`, its default. */
export type MeantToken = Readonly<ReturnType<typeof meantToken>>;

/** The one place that decides which token a command line means: by its options and variables, else by the record, else by default. */
export function meantToken(settings: Settings, record: SignedInWith = {}, asked: Asked = {}) {
  const granted = record.scope?.split(' ').filter(Boolean);
  return {
    appName: settings.app,
    /** undefined if it is not known. */
    clientId: settings.clientId ?? asked.clientId ?? record.clientId,
    authority: settings.authority ?? record.authority,
    // What a sign-in asks for. With `openid` and `profile`, the ID token says who signed in.
    scopes: [...(asked.scopes ?? granted ?? defaultScopes), 'openid', 'profile'],
    // A stored sign-in counts with the scopes it was granted.
    useGrantedScopes: true,
  };
}
