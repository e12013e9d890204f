import type { TokenRecord } from 'shared-token';

/** What a sign-in belongs to: `data` of its record, written together with its tokens. */
export type SignInData = Readonly<{
  /** The authorization server that gave the tokens, the only one that gets to see them. */
  issuer?: string;
  /** The client that has registered itself, as JSON with its secret. */
  client?: string;
  /** What the tokens are for (RFC 8707). */
  resource?: string;
  /** The address of the MCP server's resource metadata, if the server named it (RFC 9728). */
  resourceMetadataUrl?: string;
  /** Where the issuer redeems tokens, if its metadata said so. */
  tokenEndpoint?: string;
  /** The scopes that the person was asked for, and those that the server gave. What was granted may be less. */
  scope?: string;
}>;

/** Whether both are addresses of one authorization server. */
export function isSameIssuer(one: string, other: string | undefined): boolean {
  return one.replace(/\/$/, '') === other?.replace(/\/$/, '');
}

/** The scopes of all, each once. Undefined if there is none. */
export function unionOf(...scopes: readonly (string | undefined)[]): string | undefined {
  const all = scopes.flatMap((scope) => scope?.match(/\S+/g) ?? []);
  return [...new Set(all)].join(' ') || undefined;
}

/** Whether the person was asked for these scopes, or the server gave them. */
export function coversScopes({ data }: TokenRecord, ...scopes: readonly (string | undefined)[]): boolean {
  return unionOf(data?.scope, ...scopes) === data?.scope;
}
