import type { TokenRecord } from 'token-store-kit';
import { readData } from './read-stored-record.ts';
import { SharedTokenError } from './shared-token-error.ts';

/** A successful response of the token endpoint, as the provider sent it (RFC 6749 section 5.1). */
export interface TokenResponse {
  access_token: string;
  /** Seconds. Without it the access token counts until a call forces a refresh. */
  expires_in?: number | string | undefined;
  /** Left out by providers that do not rotate: the refresh token that was sent stays. */
  refresh_token?: string | undefined;
  /** Seconds. Not in the RFC: GitHub, Google and others tell so when the refresh token expires. */
  refresh_token_expires_in?: number | string | undefined;
  /** Seconds within which the refresh token has to be used (draft-ietf-oauth-refresh-token-expiration). */
  refresh_token_timeout?: number | string | undefined;
  /** Seconds until the person's authorization ends, whatever is refreshed (the same draft). */
  authorization_expires_in?: number | string | undefined;
  /** The granted scopes, separated by spaces. */
  scope?: string | undefined;
  id_token?: string | undefined;
  token_type?: string | undefined;
  /**
   * Not of the provider: what `refresh` or `signIn` wants kept with the record, for example a client registration. Strings, of at
   * most 65,536 bytes as JSON; anything else is left out. Without it, a refresh keeps what there was. If your
   * provider's own answers have a `data`, take that out.
   */
  data?: Readonly<Record<string, string>> | undefined;
}

/** An access token and its times, in epoch milliseconds. */
export interface AccessToken {
  readonly accessToken: string;
  /** 8,640,000,000,000,000, the last time that a Date can hold, if the provider does not say when the token expires. */
  readonly expiresAt: number;
  readonly obtainedAt: number;
}

/** A record that has an access token. */
export type UsableRecord = TokenRecord & { readonly accessToken: string };

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
 * What has to be stored of the answer to a refresh whose access token cannot be used: its new refresh token, because the one that was sent
 * may be spent. Undefined if there is no new one. The old access token stays, unless its refresh was refused: without that mark, one that has
 * ended could count as good.
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
    // No Date can hold it, or it is not known.
    refreshExpiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt,
  };
}

/** Some providers send the number as text. */
function readSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof seconds === 'number' && seconds >= 0 && seconds < Number.POSITIVE_INFINITY ? seconds : undefined;
}

function readText(value: unknown): string | undefined {
  // Half a surrogate pair could not be stored, and with it not what came along. What sends a token makes the same of it.
  return typeof value === 'string' && value !== '' ? value.toWellFormed() : undefined;
}

function unusable(what: string): SharedTokenError {
  return new SharedTokenError('RESPONSE', `The provider answered with ${what}`, { remedy: 'Check the authority' });
}
