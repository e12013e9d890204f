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

/**
 * The access token of a record, if it does not expire within `skew` milliseconds and `accepts` agrees.
 */
export function usableToken<Tokens extends Partial<TokenRecord>>(
  record: Tokens | undefined,
  accepts: (record: Tokens) => boolean,
  skew: number,
): AccessToken | undefined {
  const now = Date.now();
  const { accessToken, expiresAt, obtainedAt = now }: Partial<TokenRecord> = record ?? {};
  if (!record || accessToken === undefined || expiresAt === undefined || expiresAt - skew <= now) return undefined;
  // Obtained in the future: the clock was set back, so when the token expires is unknown.
  if (obtainedAt > now + clockToleranceMs || !accepts(record)) return undefined;
  return { accessToken, expiresAt, obtainedAt };
}

/** Two spellings of one authority differ in case or in slashes at the end. */
function comparable(authority: string): string {
  return authority.replace(/\/+$/, '').toLowerCase();
}
