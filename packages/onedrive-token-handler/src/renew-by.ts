import type { TokenRecord } from 'shared-token';

/** https://learn.microsoft.com/entra/identity-platform/refresh-tokens#token-lifetime */
const microsoftLifetimeMs = 90 * 24 * 60 * 60 * 1000;

/**
 * Until when a sign-in has to be renewed: by a refresh, if the provider gives a new refresh token, else by the person. Epoch
 * milliseconds; undefined if it is not known.
 */
export function renewByOf({ refreshExpiresAt, obtainedAt }: TokenRecord): number | undefined {
  if (refreshExpiresAt !== undefined) return refreshExpiresAt;
  return obtainedAt === undefined ? undefined : obtainedAt + microsoftLifetimeMs;
}
