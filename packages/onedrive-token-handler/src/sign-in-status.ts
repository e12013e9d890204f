import type { TokenRecord } from 'shared-token';
import { isOurs } from 'shared-token/usable-token';
import { readAccount } from './id-token.ts';
import { type OneDriveTokenHandlerOptions, readAuthority } from './options.ts';
import { splitScope } from './scopes.ts';
import type { Account } from './token-event.ts';

/** https://learn.microsoft.com/entra/identity-platform/refresh-tokens#token-lifetime */
const microsoftLifetimeMs = 90 * 24 * 60 * 60 * 1000;

/** What is known without asking the provider. Times are epoch milliseconds. */
export interface SignInStatus {
  /** Whether a refresh token is stored for this app name, client id and authority. */
  signedIn: boolean;
  appName: string;
  /** Known if the scopes `openid` and `profile` were asked for. */
  account?: Account;
  /** What was granted. */
  scopes: string[];
  accessTokenExpiresAt?: number;
  refreshedAt?: number;
  /**
   * When the sign-in expires if no refresh renews it before: as the provider says, else 90 days after the last refresh, which
   * is Microsoft's rule.
   */
  renewBy?: number;
  /** True if `renewBy` is only Microsoft's rule, not stated by the provider: a refresh may work after it. Present with `renewBy`. */
  renewByIsEstimate?: boolean;
  /**
   * True if the stored sign-in has ended, so that only a new sign-in gives a new token: the provider refused the refresh token, or the
   * expiry that the provider stated has passed. Absent if no such end is known.
   */
  needsSignIn?: true;
  /** When the provider refused the refresh token. The next sign-in removes it. */
  refusedAt?: number;
  /** The provider's error for that refusal, for example `invalid_grant AADSTS700082`. */
  refusedBecause?: string;
}

/** Until when a sign-in has to be renewed, by a refresh or by the person. Epoch milliseconds; undefined if it is not known. */
export function renewByOf({ refreshExpiresAt, obtainedAt }: TokenRecord): number | undefined {
  if (refreshExpiresAt !== undefined) return refreshExpiresAt;
  return obtainedAt === undefined ? undefined : obtainedAt + microsoftLifetimeMs;
}

/** Whose sign-in is meant. */
export interface StatusOptions extends Pick<OneDriveTokenHandlerOptions, 'appName' | 'authority'> {
  /** If undefined, a stored sign-in does not count, because it gives no token without a client id. */
  clientId?: string | undefined;
}

/**
 * The `status()` that a handler with these options would give for a record of `readRecord`. Makes no handler and no file.
 * Throws TypeError for an authority that cannot be used.
 */
export function statusOfRecord(record: TokenRecord | undefined, options: StatusOptions): SignInStatus {
  const { appName, clientId } = options;
  const authority = readAuthority(options.authority);
  if (!record?.refreshToken || clientId === undefined || !isOurs(record, { clientId, authority })) {
    return { signedIn: false, appName, scopes: [] };
  }
  const { accessToken, expiresAt, obtainedAt, refusedAt, refusedBecause } = record;
  const account = readAccount(record.idToken);
  const renewBy = renewByOf(record);
  const renewByIsEstimate = record.refreshExpiresAt === undefined;
  const needsSignIn = refusedAt !== undefined || (record.refreshExpiresAt ?? Number.POSITIVE_INFINITY) <= Date.now();
  return {
    signedIn: true,
    appName,
    scopes: splitScope(record.scope),
    ...(account && { account }),
    ...(accessToken !== undefined && expiresAt !== undefined && { accessTokenExpiresAt: expiresAt }),
    ...(obtainedAt !== undefined && { refreshedAt: obtainedAt }),
    ...(renewBy !== undefined && { renewBy, renewByIsEstimate }),
    ...(needsSignIn && { needsSignIn }),
    ...(refusedAt !== undefined && { refusedAt }),
    ...(refusedBecause !== undefined && { refusedBecause }),
  };
}
