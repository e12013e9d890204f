/** Reads the stored access token without loading the handler. */
import { isOurs, usableToken } from 'shared-token/usable-token';
import { readRecord } from 'token-store-sqlite/read-record';
import { type GetTokenOptions, type OneDriveTokenHandlerOptions, readOptions } from './options.ts';
import { renewByOf } from './renew-by.ts';
import { isGranted } from './scopes.ts';

/** The options of the handler that say which token is wanted. */
export type StoredTokenOptions = Pick<
  OneDriveTokenHandlerOptions,
  'appName' | 'clientId' | 'scopes' | 'useGrantedScopes' | 'dbFilepath' | 'authority' | 'expirySkew'
> &
  Pick<GetTokenOptions, 'minValid'>;

/** An access token that needs no request. */
export interface StoredToken {
  accessToken: string;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** As in the status of the sign-in. */
  renewBy?: number;
}

/**
 * Reads the token that the handler's `getToken()` would find in the database, for a command that is started often.
 * Returns undefined if there is none, or if it takes more than reading: then ask a handler, which does what is needed or
 * says what is wrong. Throws TypeError or RangeError, naming the option that cannot be used.
 *
 * Only for the start of a program with one thread: see `readRecord` of token-store-sqlite.
 */
export function readStoredToken(options: StoredTokenOptions): StoredToken | undefined {
  const { minValid, ...handlerOptions } = options;
  const settings = readOptions(handlerOptions);
  const record = settings.dbFilepath && readRecord(settings.dbFilepath, settings.appName);
  if (!record || !isOurs(record, settings)) return undefined;
  const validity = { skew: settings.expirySkew, minValid };
  const token = usableToken(record, (candidate) => isGranted(candidate, settings), validity);
  if (!token) return undefined;
  const renewBy = renewByOf(record);
  return { accessToken: token.accessToken, expiresAt: token.expiresAt, ...(renewBy !== undefined && { renewBy }) };
}
