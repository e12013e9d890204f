import { readAccount } from './id-token.ts';
import { splitScope } from './scopes.ts';
import type { Account } from './token-event.ts';
import type { TokenRecord } from './token-store.ts';

/** What is known without asking the provider. Instants are epoch milliseconds. */
export interface SignInStatus {
  /** Whether a refresh token is stored for this app name, client id and authority. */
  signedIn: boolean;
  appName: string;
  /** Known where the scopes `openid` and `profile` were asked for. */
  account?: Account;
  /** What was granted. */
  scopes: string[];
  accessTokenExpiresAt?: number;
  refreshedAt?: number;
}

/** What a record, or the lack of one, says. */
export function describeRecord(appName: string, record: TokenRecord | undefined): SignInStatus {
  if (!record) return { signedIn: false, appName, scopes: [] };
  const { accessToken, expiresAt, obtainedAt } = record;
  const account = readAccount(record.idToken);
  return {
    signedIn: true,
    appName,
    scopes: splitScope(record.scope),
    ...(account && { account }),
    ...(accessToken !== undefined && expiresAt !== undefined && { accessTokenExpiresAt: expiresAt }),
    ...(obtainedAt !== undefined && { refreshedAt: obtainedAt }),
  };
}
