import { type AuthorizationResponse, openAcceptor } from 'loopback-acceptor';
import { createState } from 'pkce-state';
import type { SignInContext } from 'shared-token';
import type { Challenge, ServerMetadata } from './mcp-sdk.ts';
import type { ClientInformation, Settings } from './options.ts';
import { assertPrivate, checkMetadata, fetchUntil, lookAtServer, refusalOf, unusable } from './refresh.ts';
import { type SignInData, unionOf } from './sign-in-data.ts';

type Client = ClientInformation & { redirect_uris?: readonly string[] };

/** The limit of shared-token for `data`. Larger data would be dropped, and with it the issuer of the tokens. */
const maxDataBytes = 65_536;

/** What the server calls a client that it does not know any more, or that may not sign in. */
const clientErrors: readonly unknown[] = ['invalid_client', 'unauthorized_client'];

/**
 * Registrations, as JSON, that the next sign-in of this process replaces. The server refused them, or the person did not come back: for a
 * client that it has forgotten, a server shows only an error page.
 */
const doubtful = new Set<string>();

/** How long the exchange of a code may take. */
const exchangeLimitMs = 60_000;

/** What is known when the browser opens, most of it from the SDK. */
interface Seen {
  client?: Client | undefined;
  verifier?: string;
  url?: URL;
  authorizationServerUrl?: string;
  authorizationServerMetadata?: ServerMetadata | undefined;
  resourceMetadataUrl?: string | undefined;
}

/** Signs in with the browser: the SDK makes the requests, the acceptor waits for the answer. */
export async function signInByBrowser(settings: Settings, context: SignInContext, challenge: Challenge) {
  const { sdk, serverUrl, openBrowser, clientMetadataUrl, clientInformation, clientMetadata, fetch } = settings;
  const { signal, record, redeem } = context;
  const known = record?.data ?? {};
  const state = createState();
  const wait = new AbortController();
  const { acceptor, client } = await openAcceptorFor(settings, { ...context, signal: wait.signal }, state);
  await using _ = acceptor;
  // After the browser's answer, no abort ends the wait: the code is exchanged and stored even without callers, and the page reports that.
  const endWait = (why: unknown): unknown => acceptor.isWaiting && wait.abort(why);
  signal.throwIfAborted();
  signal.addEventListener('abort', () => endWait(signal.reason));
  const seen: Seen = { client };
  const see = (found: Seen): void => void Object.assign(seen, found);
  const provider = {
    redirectUrl: acceptor.redirectUri,
    clientMetadataUrl,
    clientMetadata: {
      client_name: 'MCP client',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      ...clientMetadata,
      redirect_uris: [acceptor.redirectUri],
    },
    state: () => state,
    clientInformation: () => seen.client,
    // A given client is not saved. Otherwise, the SDK would register another client at another authorization server.
    saveClientInformation: clientInformation ? undefined : (saved: Client) => see({ client: saved }),
    // A sign-in does not use the stored tokens.
    tokens: () => undefined,
    saveCodeVerifier: (verifier: string) => see({ verifier }),
    saveDiscoveryState: (found: Seen) => {
      checkMetadata(String(found.authorizationServerUrl), found.authorizationServerMetadata);
      see(found);
    },
    redirectToAuthorization: (url: URL) => {
      // Otherwise, the network could read the code. And the system would open an address of another kind with the program for that kind.
      assertPrivate(url);
      see({ url });
    },
  };
  const answer = acceptor.accept((response) => {
    // Longer than callers wait, because late tokens are stored as well. A server that never answers must not keep the process alive.
    const limit = AbortSignal.timeout(exchangeLimitMs);
    limit.addEventListener('abort', () => wait.abort(limit.reason));
    return redeem(() => exchange(settings, seen, response, limit));
  });
  const { hasMoved, isSilent } = record ? await lookAtServer(settings, record, signal) : {};
  await sdk.auth(provider, {
    serverUrl,
    // Another authorization server has other scopes.
    scope: unionOf(hasMoved ? undefined : known.scope, challenge.scope),
    resourceMetadataUrl: challenge.resourceMetadataUrl ?? (isSilent ? undefined : known.resourceMetadataUrl),
    fetchFn: fetchUntil(fetch, signal),
  });
  void (async () => acceptor.isWaiting && openBrowser(String(seen.url)))().catch(endWait);
  return await answer.catch((error) => {
    const isRefused = [refusalOf(error), Object(error).error].some((refusal) => clientErrors.includes(refusal));
    if (known.client && (isRefused || wait.signal.aborted)) doubtful.add(known.client);
    throw error;
  });
}

/** Opens the acceptor at the registered redirect URI. If the options want another, or its port is in use, the client registers again. */
async function openAcceptorFor(settings: Settings, { record, signal }: SignInContext, state: string) {
  const { clientInformation, redirect } = settings;
  const { issuer, client: json } = record?.data ?? {};
  const hasEnded = clientErrors.includes(record?.refusedBecause) || doubtful.delete(`${json}`);
  const client: Client | undefined = clientInformation || hasEnded || !json ? undefined : JSON.parse(json);
  const { hostname, port: wanted, pathname: path } = new URL(redirect);
  const host = hostname.replace(/[[\]]/g, '') as 'localhost' | '127.0.0.1' | '::1';
  // Without limits, because SharedToken ends the wait, and no number of guesses finds the state.
  const limits = { timeout: 2 ** 31 - 1, maxStrayRequests: Number.POSITIVE_INFINITY };
  const open = (port: string) => openAcceptor({ state, signal, ...limits, host, port: Number(port), path });
  const registered = URL.parse(String(client?.redirect_uris?.[0]));
  const isSamePage = registered?.hostname === hostname && registered.pathname === path;
  const isUsable = isSamePage && (wanted === '' || wanted === registered.port);
  const acceptor = isUsable ? await open(registered.port).catch(() => undefined) : undefined;
  if (acceptor) return { acceptor, client };
  // Without an issuer, the SDK would show a given client to any server. An undefined issuer counts as none.
  const known = json ? undefined : issuer;
  const given = clientInformation && { ...clientInformation, issuer: clientInformation.issuer ?? known };
  return { acceptor: await open(wanted), client: given };
}

/** Redeems the code, and says what the tokens belong to. */
async function exchange(settings: Settings, seen: Seen, { code, params }: AuthorizationResponse, limit: AbortSignal) {
  const { client, verifier, url, authorizationServerMetadata: metadata, resourceMetadataUrl } = seen;
  const { sdk, fetch, clientInformation } = settings;
  const issuer = String(seen.authorizationServerUrl);
  const iss = params.get('iss') ?? undefined;
  // RFC 9207 section 2.4. Version 1 of the SDK does not check this.
  const isIssMissing = iss === undefined && metadata?.authorization_response_iss_parameter_supported === true;
  if (isIssMissing || (iss !== undefined && metadata && iss !== metadata.issuer))
    throw unusable(`The answer in the browser does not come from ${issuer}`);
  const { resource, scope, redirect_uri: redirectUri } = Object.fromEntries(url?.searchParams ?? []);
  const tokens = await sdk.exchangeAuthorization(issuer, {
    ...{ metadata, clientInformation: client, resource, redirectUri, iss },
    ...{ authorizationCode: code, codeVerifier: verifier },
    // Not with the signal of the sign-in, because the code is spent by this request.
    fetchFn: fetchUntil(fetch, limit),
  });
  const registration = clientInformation ? undefined : JSON.stringify(client);
  const known = {
    ...{ issuer, client: registration, resource, resourceMetadataUrl },
    ...{ tokenEndpoint: metadata?.token_endpoint, scope: unionOf(scope, tokens.scope) },
  };
  const json = JSON.stringify(known);
  if (Buffer.byteLength(json) > maxDataBytes)
    throw unusable(`The sign-in at ${issuer} comes with more than ${maxDataBytes} bytes of scopes and registration`);
  const data: SignInData = JSON.parse(json);
  return { ...tokens, data };
}
