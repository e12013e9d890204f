import type { TokenRecord } from 'token-store-sqlite';

export function refreshTokenOf(index: number): string {
  return `refresh-${index}`.padEnd(1_000, 'r');
}

/** A record with tokens as long as Microsoft's. */
export function recordOf(index: number): TokenRecord {
  return {
    refreshToken: refreshTokenOf(index),
    accessToken: 'a'.repeat(1_500),
    expiresAt: 2_000_000_000_000 + index,
    obtainedAt: 1_999_996_400_000 + index,
    clientId: '00000000-0000-0000-0000-000000000000',
    authority: 'https://login.microsoftonline.com/consumers',
    scope: 'Files.ReadWrite.All',
    idToken: 'i'.repeat(1_000),
  };
}

export function assertTrue(condition: boolean): void {
  if (!condition) throw new Error('a measured call has not done its work');
}
