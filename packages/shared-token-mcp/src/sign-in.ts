import { openAcceptor } from 'loopback-acceptor';
import { createState } from 'pkce-state';
import { SharedTokenError, type SignInContext, type TokenRecord, type TokenResponse } from 'shared-token';
import type { Challenge, ServerMetadata } from './mcp-sdk.ts';
import type { ClientInformation, Settings } from './options.ts';
import { fetchUntil, issuerChanged } from './refresh.ts';
import { dataOf, isSameIssuer, unionOf } from './sign-in-data.ts';

type Client = ClientInformation & { redirect_uris?: readonly string[] };

/** What the SDK says on its way to the browser. */
interface Seen {
  client?: Client | undefined;
  verifier?: string;
  url?: URL;
  authorizationServerUrl?: string;
  authorizationServerMetadata?: ServerMetadata | undefined;
  resourceMetadataUrl?: string | undefined;
}

/** Signs in with the browser: the SDK makes the requests, the acceptor waits for the answer. */
export async function signInByBrowser(
  settings: Settings,
  { signal, record, redeem }: SignInContext,
  challenge: Challenge,
): Promise<TokenResponse> {
  const { clientMetadataUrl, clientInformation, clientMetadata, fetch } = settings;
  const known = dataOf(record);
  const state = createState();
  const { acceptor, client } = await openAcceptorFor(settings, record, { state, signal });
  await using _ = acceptor;
  const { redirectUri } = acceptor;
  const seen: Seen = { client };
  const see = (found: Seen): void => void Object.assign(seen, found);
  const provider = {
    redirectUrl: redirectUri,
    clientMetadataUrl,
    clientMetadata: {
      client_name: 'MCP client',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      ...clientMetadata,
      redirect_uris: [redirectUri],
    },
    state: () => state,
    clientInformation: () => seen.client,
    // If a given client could be saved, the SDK would register another one at another authorization server.
    saveClientInformation: clientInformation ? undefined : (saved: Client) => see({ client: saved }),
    // A sign-in starts anew, whatever is stored.
    tokens: () => undefined,
    saveCodeVerifier: (verifier: string) => see({ verifier }),
    saveDiscoveryState: (found: Seen) => see(checkMetadata(found)),
    redirectToAuthorization: (url: URL) => see({ url }),
  };
  const answer = acceptor.accept(({ code, params }) =>
    redeem(() => exchange(settings, seen, { redirectUri, code, params })),
  );
  await settings.sdk.auth(provider, {
    serverUrl: settings.serverUrl,
    // Another authorization server has other scopes.
    scope: unionOf(record?.refusedBecause === issuerChanged ? undefined : known.scope, challenge.scope),
    resourceMetadataUrl: challenge.resourceMetadataUrl ?? known.resourceMetadataUrl,
    fetchFn: fetchUntil(fetch, signal),
  });
  const { promise: notOpened, reject } = Promise.withResolvers<never>();
  void (async () => settings.openBrowser(String(seen.url)))().catch(reject);
  return await Promise.race([answer, notOpened]);
}

/** At the redirect URI of the registration. If another program listens there, at a new one, for which the client registers again. */
async function openAcceptorFor(
  { clientInformation, redirect }: Settings,
  record: TokenRecord | undefined,
  request: { state: string; signal: AbortSignal },
) {
  const { issuer, client: json } = dataOf(record);
  const hasEnded = ['invalid_client', 'unauthorized_client'].includes(record?.refusedBecause ?? '');
  const client: Client | undefined = clientInformation || hasEnded || !json ? undefined : JSON.parse(json);
  const open = (address: string) => {
    const { hostname, port, pathname: path } = new URL(address);
    const host = hostname.replace(/[[\]]/g, '') as 'localhost' | '127.0.0.1' | '::1';
    // SharedToken ends the wait, and no number of guesses finds the state.
    const limits = { timeout: 2 ** 31 - 1, maxStrayRequests: Number.POSITIVE_INFINITY };
    return openAcceptor({ ...request, ...limits, host, port: Number(port), path });
  };
  const [registered] = client?.redirect_uris ?? [];
  const acceptor = registered === undefined ? undefined : await open(registered).catch(() => undefined);
  if (acceptor) return { acceptor, client };
  // Without an issuer, a given client would be shown to any.
  return { acceptor: await open(redirect), client: clientInformation && { issuer, ...clientInformation } };
}

/** Redeems the code, and says what the tokens belong to. */
async function exchange(
  { sdk, fetch, clientInformation }: Settings,
  seen: Seen,
  { redirectUri, code, params }: { redirectUri: string; code: string; params: URLSearchParams },
): Promise<TokenResponse> {
  const { client, verifier, url, authorizationServerMetadata: metadata, resourceMetadataUrl } = seen;
  const issuer = String(seen.authorizationServerUrl);
  const iss = params.get('iss') ?? undefined;
  // RFC 9207 section 2.4. Version 1 of the SDK does not look.
  const isIssMissing = iss === undefined && metadata?.authorization_response_iss_parameter_supported === true;
  if (isIssMissing || (iss !== undefined && metadata && iss !== metadata.issuer))
    throw wrongIssuer(`The answer in the browser is not one of ${issuer}`);
  const resource = url?.searchParams.get('resource') ?? undefined;
  const scope = url?.searchParams.get('scope') ?? undefined;
  const tokens = await sdk.exchangeAuthorization(issuer, {
    ...{ metadata, clientInformation: client, resource, redirectUri, iss },
    ...{ authorizationCode: code, codeVerifier: verifier },
    // Without the signal of the sign-in: the code is spent.
    fetchFn: fetch,
  });
  const registration = clientInformation ? undefined : JSON.stringify(client);
  const data = { issuer, client: registration, resource, resourceMetadataUrl, scope };
  // Without a scope, what was asked for was granted (RFC 6749 section 5.1).
  return { ...tokens, scope: tokens.scope ?? scope, data: JSON.parse(JSON.stringify(data)) };
}

/** RFC 8414 section 3.3. Version 1 of the SDK does not look. */
function checkMetadata(found: Seen): Seen {
  const { authorizationServerUrl: expected = '', authorizationServerMetadata: metadata } = found;
  if (!metadata || isSameIssuer(metadata.issuer, expected)) return found;
  throw wrongIssuer(`The metadata of ${expected} name another issuer, ${metadata.issuer}`);
}

function wrongIssuer(problem: string): SharedTokenError {
  return new SharedTokenError('RESPONSE', problem, { remedy: 'Sign in again; if it stays, tell who runs the server' });
}
