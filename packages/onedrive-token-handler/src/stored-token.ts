/** Reads the stored access token without loading the handler. */
import type { AccessToken, GetTokenOptions } from 'shared-token';
import { isOurs, toAccessToken, usableRecord } from 'shared-token/usable-token';
import { readRecord } from 'token-store-sqlite/read-record';
import { readNumber } from './check-value.ts';
import { type OneDriveTokenHandlerOptions, readOptions } from './options.ts';
import { grantJudge } from './scopes.ts';
import { renewByOf } from './sign-in-status.ts';

export { dataFilepath } from 'token-store-sqlite/read-record';

/** The options of the handler that say which token is wanted. */
export interface StoredTokenOptions
  extends Pick<
      OneDriveTokenHandlerOptions,
      'appName' | 'scopes' | 'useGrantedScopes' | 'dbFilepath' | 'authority' | 'expirySkew'
    >,
    Pick<GetTokenOptions, 'minValid'> {
  /** Default: that of the record. Then the default of `authority` is the record's, too. */
  clientId?: string | undefined;
}

/** An access token that needs no request. */
export interface StoredToken extends AccessToken {
  /** As in the status of the sign-in. */
  renewBy?: number;
}

/**
 * Reads the token that the handler's `getToken()` would find in the database, for a command that is started often.
 * Returns undefined if there is none, or if reading is not enough: then call a handler, which does what is needed or
 * says what is wrong. Throws TypeError or RangeError, naming the option that cannot be used.
 *
 * Only for the start of a program with one thread: see `readRecord` of token-store-sqlite.
 */
export function readStoredToken(options: StoredTokenOptions): StoredToken | undefined {
  const { minValid, ...handlerOptions } = options;
  const { clientId, authority } = options;
  if (minValid !== undefined) readNumber('minValid', minValid, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const settings = readOptions({ ...handlerOptions, clientId: clientId ?? 'of the record' });
  const record = settings.dbFilepath && readRecord(settings.dbFilepath, settings.appName);
  const owner = clientId === undefined ? { authority: authority && settings.authority } : settings;
  if (!record || !isOurs(record, owner)) return undefined;
  const validity = { skew: settings.expirySkew, minValid };
  const usable = usableRecord(record, grantJudge(settings), validity);
  if (!usable) return undefined;
  const renewBy = renewByOf(usable);
  return { ...toAccessToken(usable), ...(renewBy !== undefined && { renewBy }) };
}
