import type { TokenRecord } from 'token-store-kit';
import type { AccessToken } from './token-response.ts';

/** A token that was obtained this far in the future is still taken: the clocks of two machines differ a little. */
export const clockToleranceMs = 30_000;

/** Whose records count. A property that is undefined accepts every record. */
export interface Ownership {
  readonly clientId?: string | undefined;
  readonly authority?: string | undefined;
}

/** Whether a record is of this client and authority. A record that names none counts as ours. */
export function isOurs(record: TokenRecord, { clientId, authority }: Ownership): boolean {
  const { clientId: storedClientId, authority: storedAuthority } = record;
  if (clientId !== undefined && storedClientId !== undefined && storedClientId !== clientId) return false;
  return (
    authority === undefined || storedAuthority === undefined || comparable(storedAuthority) === comparable(authority)
  );
}

/** How long an access token has to be valid, in milliseconds: `skew` in any case, `minValid` if the provider's tokens live that long. */
export interface Validity {
  readonly skew: number;
  readonly minValid?: number | undefined;
}

/** How long a token of that lifetime has to be valid. To refresh at each call would gain nothing, so half of its life is enough. */
export function neededTime({ skew, minValid = 0 }: Validity, lifetime: number | undefined): number {
  return Math.max(skew, lifetime !== undefined && lifetime <= minValid ? lifetime / 2 : minValid);
}

/** The access token of a record, if it is valid for long enough and `accepts` agrees. */
export function usableToken<Tokens extends Partial<TokenRecord>>(
  record: Tokens | undefined,
  accepts: (record: Tokens) => boolean,
  validity: Validity,
): AccessToken | undefined {
  const now = Date.now();
  const { accessToken, expiresAt, obtainedAt }: Partial<TokenRecord> = record ?? {};
  if (!record || accessToken === undefined || expiresAt === undefined) return undefined;
  const lifetime = obtainedAt === undefined ? undefined : expiresAt - obtainedAt;
  if (expiresAt - neededTime(validity, lifetime) <= now) return undefined;
  // Obtained in the future: the clock was set back, so when the token expires is unknown.
  if ((obtainedAt ?? now) > now + clockToleranceMs || !accepts(record)) return undefined;
  return { accessToken, expiresAt, obtainedAt: obtainedAt ?? now };
}

/** Two spellings of one authority differ in case or in slashes at the end. */
function comparable(authority: string): string {
  return authority.replace(/\/+$/, '').toLowerCase();
}
