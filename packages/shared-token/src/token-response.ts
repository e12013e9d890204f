import { checkData, type TokenRecord } from 'token-store-kit';
import { SharedTokenError } from './shared-token-error.ts';
import type { UsableRecord } from './usable-token.ts';

/** A token response, checked. Times are epoch milliseconds. */
type TokenSet = ReturnType<typeof readTokenResponse>;

const yearInSeconds = 365 * 24 * 60 * 60;

/**
 * Checks a token response. `obtainedAt`: when it was requested, in epoch milliseconds.
 *
 * @throws {SharedTokenError} RESPONSE if there is no access token that fits into an Authorization header, or if
 * `expires_in` is not a number of seconds from 0 to one year.
 */
export function readTokenResponse(response: unknown, obtainedAt: number) {
  const given = Object(response) as Record<string, unknown>;
  const accessToken = given.access_token;
  // Some providers send null for what they do not know.
  const expiresIn = given.expires_in ?? undefined;
  // RFC 6750 section 2.1: visible ASCII.
  if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken)) throw unusable('no usable access_token');
  const seconds = readSeconds(expiresIn);
  if (expiresIn !== undefined && (seconds === undefined || seconds > yearInSeconds))
    throw unusable('an expires_in that is not a number of seconds from 0 to one year');
  return {
    accessToken,
    obtainedAt,
    expiresAt: seconds === undefined ? undefined : obtainedAt + Math.floor(seconds * 1000),
    ...readRefreshToken(given, obtainedAt),
    idToken: readText(given.id_token),
    scope: readText(given.scope),
    data: readData(given.data),
  };
}

/**
 * The record to store if the answer to a refresh has no usable access token: with the new refresh token, because the old one may be spent.
 * Undefined if there is no new one. The old access token stays, unless the record has the mark of a refusal. The mark is dropped. Without
 * it, a token that has ended could count as good.
 */
export function keepRefreshToken(response: unknown, obtainedAt: number, old: TokenRecord): TokenRecord | undefined {
  const { refreshToken, refreshExpiresAt } = readRefreshToken(Object(response), obtainedAt);
  if (refreshToken === undefined || refreshToken === old.refreshToken) return undefined;
  const { refusedAt, refusedBecause: _, accessToken, ...kept } = old;
  return { ...kept, accessToken: refusedAt === undefined ? accessToken : undefined, refreshToken, refreshExpiresAt };
}

/** The record of a token response. `old` is the record that was refreshed: what the response leaves out stays as it was. */
export function toRecord(
  { clientId, authority }: { clientId: string | undefined; authority: string | undefined },
  tokens: TokenSet,
  old?: TokenRecord,
): UsableRecord {
  const { accessToken, expiresAt, obtainedAt, refreshToken = old?.refreshToken } = tokens;
  return {
    ...{ refreshToken, accessToken, expiresAt, obtainedAt },
    clientId: clientId ?? old?.clientId,
    authority: authority ?? old?.authority,
    scope: tokens.scope ?? old?.scope,
    idToken: tokens.idToken ?? old?.idToken,
    signedInAt: old?.signedInAt,
    refreshExpiresAt: tokens.refreshExpiresAt ?? (tokens.refreshToken ? undefined : old?.refreshExpiresAt),
    data: tokens.data ?? old?.data,
  };
}

function readRefreshToken(given: Record<string, unknown>, obtainedAt: number) {
  const limits = [given.refresh_token_expires_in, given.refresh_token_timeout, given.authorization_expires_in];
  // Infinity: no limit is known.
  const seconds = Math.min(...limits.map((limit) => readSeconds(limit) ?? Number.POSITIVE_INFINITY));
  const expiresAt = new Date(obtainedAt + Math.floor(seconds * 1000)).getTime();
  return {
    refreshToken: readText(given.refresh_token),
    // NaN if the time is unknown, or beyond the last one that a Date can hold.
    refreshExpiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt,
  };
}

/** Some providers send the number as text. */
function readSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof seconds === 'number' && seconds >= 0 && seconds < Number.POSITIVE_INFINITY ? seconds : undefined;
}

function readText(value: unknown): string | undefined {
  // A lone surrogate would make the whole record impossible to store. Replacing it loses nothing: sending it replaces it as well.
  return typeof value === 'string' && value !== '' ? value.toWellFormed() : undefined;
}

/**
 * A copy of the `data` of a record, frozen because callers get the same object. Undefined for a value that no store takes: the tokens
 * that come with such a value must not be lost.
 */
export function readData(data: unknown): TokenRecord['data'] {
  try {
    return Object.freeze(checkData(data));
  } catch {
    return undefined;
  }
}

function unusable(what: string): SharedTokenError {
  return new SharedTokenError('RESPONSE', `The provider answered with ${what}`, { remedy: 'Check the authority' });
}
