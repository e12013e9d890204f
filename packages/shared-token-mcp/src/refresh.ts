import { SharedTokenError, type TokenRecord } from 'shared-token';
import type { ServerMetadata } from './mcp-sdk.ts';
import { isPrivate, type Settings } from './options.ts';
import { isSameIssuer } from './sign-in-data.ts';

/** The error after which only a sign-in helps (RFC 6749 section 5.2), from the fields that both SDKs and this package use. */
export function refusalOf(error: unknown): string | undefined {
  const { errorCode, code }: Record<string, unknown> = Object(error);
  const refusals = ['invalid_grant', 'invalid_client', 'unauthorized_client', 'issuer_changed'];
  return refusals.find((refusal) => refusal === errorCode || refusal === code);
}

/** Sends the refresh token to the server that issued it, and to no other. */
export async function refreshAtIssuer(settings: Settings, record: TokenRecord, signal: AbortSignal) {
  const { sdk, fetch, clientInformation } = settings;
  const { issuer, client, resource, tokenEndpoint } = record.data ?? {};
  // The given client may belong to another issuer than the record. The record's issuer must not see the client's secret.
  const { issuer: issuerOfClient = issuer } = (client === undefined && clientInformation) || {};
  if (
    issuer === undefined ||
    !isSameIssuer(issuer, issuerOfClient) ||
    (await lookAtServer(settings, record, signal)).hasMoved
  )
    throw Object.assign(
      new Error(
        'The MCP server, or clientInformation, names another authorization server than the one that issued the tokens',
      ),
      { code: 'issuer_changed' },
    );
  const fetchFn = fetchUntil(fetch, signal);
  const metadata = await sdk.discoverAuthorizationServerMetadata(issuer, { fetchFn });
  checkMetadata(issuer, metadata);
  // Without metadata, the SDK would guess the address, where another server may refuse the token.
  if (!metadata && tokenEndpoint !== undefined)
    throw new SharedTokenError('RESPONSE', `${issuer} does not give its metadata now`, {
      remedy: 'Try again',
      retryable: true,
    });
  const refreshed = sdk.refreshAuthorization(issuer, {
    metadata,
    clientInformation: client === undefined ? clientInformation : JSON.parse(client),
    refreshToken: record.refreshToken,
    resource,
    fetchFn,
  });
  return refreshed.catch((cause) => {
    // A sign-in would end in the same error, and another process may know the right secret.
    const isOfGiven = client === undefined && clientInformation && refusalOf(cause) === 'invalid_client';
    if (!isOfGiven) throw cause;
    throw new SharedTokenError('RESPONSE', `${issuer} does not take the client ${clientInformation.client_id}`, {
      remedy: 'Check client_id and client_secret of clientInformation',
      cause,
    });
  });
}

/**
 * What the MCP server says of its authorization servers. `hasMoved`: it names others than that of the record. `isSilent`: it says nothing at
 * the address that the record has.
 */
export async function lookAtServer({ sdk, serverUrl, fetch }: Settings, record: TokenRecord, signal: AbortSignal) {
  const { issuer, resourceMetadataUrl } = record.data ?? {};
  const limit = AbortSignal.any([signal, AbortSignal.timeout(5_000)]);
  const found = sdk.discoverOAuthProtectedResourceMetadata(
    serverUrl,
    { resourceMetadataUrl },
    fetchUntil(fetch, limit),
  );
  const metadata = await found.catch(() => undefined);
  const servers = metadata?.authorization_servers ?? [];
  const hasMoved = servers.length > 0 && !servers.some((server) => isSameIssuer(server, issuer));
  // A server that does not answer in time counts as unchanged.
  return { hasMoved, isSilent: !metadata && !limit.aborted };
}

/** A `fetch` for the SDK that ends with the signal. Whoever can change metadata on their way gets the tokens, so it asks by https only. */
export function fetchUntil(fetch: Settings['fetch'], signal: AbortSignal) {
  return async (url: string | URL, init?: RequestInit): Promise<Response> => {
    assertPrivate(url);
    return fetch(url, { ...init, signal });
  };
}

/**
 * Checks an authorization server before a person signs in there, or a token is sent there: its metadata have to name it (RFC 8414
 * section 3.3). Version 1 of the SDK does not check this.
 */
export function checkMetadata(issuer: string, metadata: ServerMetadata | undefined): void {
  if (!metadata) return;
  assertPrivate(metadata.token_endpoint);
  if (!isSameIssuer(metadata.issuer, issuer))
    throw unusable(`The metadata of ${issuer} name another issuer, ${metadata.issuer}`);
}

/** For an address that gets or gives codes, tokens and secrets. Version 1 of the SDK checks none, version 2 only some. */
export function assertPrivate(address: string | URL): void {
  const url = new URL(address);
  if (isPrivate(url)) return;
  throw unusable(`The authorization server must be https, not ${url.protocol}//${url.host}`);
}

/** For what a server has done wrong. */
export function unusable(problem: string): SharedTokenError {
  return new SharedTokenError('RESPONSE', problem, {
    remedy: 'Try again. If it happens again, report it to the operator of the server',
  });
}
