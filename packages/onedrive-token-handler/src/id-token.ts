import type { Account } from './token-event.ts';

type Claims = Record<string, unknown>;

/** The account that an ID token names. Undefined if the token cannot be read. */
export function readAccount(idToken: string | undefined): Account | undefined {
  const claims = readClaims(idToken);
  if (!claims) return undefined;
  const name = text(claims.name);
  const username = text(claims.preferred_username) ?? text(claims.email);
  const id = text(claims.oid) ?? text(claims.sub);
  return { ...(name && { name }), ...(username && { username }), ...(id && { id }) };
}

/** True if two ID tokens certainly belong to different accounts. Microsoft sends `oid` only if `profile` was asked for. */
export function belongToDifferentAccounts(one: string | undefined, other: string | undefined): boolean {
  const [a, b] = [readClaims(one), readClaims(other)];
  const comparable = (['sub', 'oid'] as const).find((claim) => text(a?.[claim]) && text(b?.[claim]));
  return comparable !== undefined && a?.[comparable] !== b?.[comparable];
}

/** The signature need not be checked: the token came over TLS from the token endpoint (OpenID Connect Core 3.1.3.7, point 6). */
function readClaims(idToken: string | undefined): Claims | undefined {
  const payload = idToken?.split('.')[1];
  if (!payload) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Claims) : undefined;
  } catch {
    return undefined;
  }
}

function text(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim : undefined;
}
