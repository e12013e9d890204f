import type { Settings } from './options.ts';
import { coversScopes, splitScope } from './scopes.ts';
import type { AccessToken } from './token-response.ts';
import type { TokenRecord } from './token-store.ts';

/**
 * Whether a record is of this client and authority. The original Python class wrote neither: such a record counts as ours.
 */
export function isOurs({ clientId, authority }: TokenRecord, settings: Settings): boolean {
  if (clientId !== undefined && clientId !== settings.clientId) return false;
  return authority === undefined || authority.replace(/\/+$/, '').toLowerCase() === settings.authority.toLowerCase();
}

/** The Python class stored no scopes: they count as granted. */
export function isGranted({ scope }: Partial<TokenRecord>, { scopes, useGrantedScopes }: Settings): boolean {
  return useGrantedScopes || scope === undefined || coversScopes(splitScope(scope), scopes);
}

/** The access token, where it is good for what the handler needs and not within `skew` of its end. */
export function usableToken(
  record: Partial<TokenRecord> | undefined,
  settings: Settings,
  skew: number,
): AccessToken | undefined {
  const now = Date.now();
  const { accessToken, expiresAt, obtainedAt = now } = record ?? {};
  if (!record || accessToken === undefined || expiresAt === undefined || expiresAt - skew <= now) return undefined;
  // Obtained in the future: the clock has jumped back, and nobody knows when the token ends.
  if (obtainedAt > now || !isGranted(record, settings)) return undefined;
  return { accessToken, expiresAt, obtainedAt };
}
