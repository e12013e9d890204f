import type { Account } from './token-event.ts';

/**
 * Who an ID token speaks of; undefined where it can't be read. It came over TLS straight from the token endpoint, so its
 * signature need not be checked (OpenID Connect Core section 3.1.3.7, point 6), and nothing is decided by it but
 * whether two records are of the same account.
 */
export function readAccount(idToken: string | undefined): Account | undefined {
  const payload = idToken?.split('.')[1];
  if (!payload) return undefined;
  try {
    const claims: Record<string, unknown> = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const account: Account = {};
    const name = text(claims.name);
    const username = text(claims.preferred_username) ?? text(claims.email);
    const id = text(claims.oid) ?? text(claims.sub);
    if (name) account.name = name;
    if (username) account.username = username;
    if (id) account.id = id;
    return account;
  } catch {
    return undefined;
  }
}

function text(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim : undefined;
}
