import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { injectFaults } from './fault-injection.ts';
import { type Endpoint, type Fault, type FaultOptions, FaultQueue } from './faults.ts';
import { serveGraph } from './graph.ts';
import { signInPages } from './interactions.ts';
import { MemoryStore } from './memory-adapter.ts';
import { speakMicrosoft } from './microsoft-habits.ts';
import { authorityPath, graphPath } from './paths.ts';
import { createProvider } from './provider.ts';
import { logRequests, type ServedRequest } from './request-log.ts';

export interface AuthorityOptions {
  /** Default 0: the system picks a free one. */
  port?: number;
  /** Seconds, at least 1. Default 3600; `authority.accessTokenTtl` changes it later. */
  accessTokenTtl?: number;
  /** PEM texts: serves https. Default: plain http. */
  tls?: { key: string; cert: string };
  /** Default true: a refresh token is good for one refresh, and its reuse revokes the whole grant (RFC 9700 section 4.14.2). */
  rotateRefreshTokens?: boolean;
  /** Milliseconds in which a rotated refresh token is accepted all the same. Default 0: its reuse revokes at once. */
  reuseGrace?: number;
  /** Seconds between two polls of the device flow, below which the answer is `slow_down`. Default 5. */
  deviceInterval?: number;
  /** Seconds in which a person has to enter the device's code. Default 900. */
  deviceCodeTtl?: number;
}

/** An identity provider with Microsoft's paths and habits, and the small Graph that accepts its tokens. On 127.0.0.1 only. */
export interface Authority extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** The authority, `${origin}/consumers`: the endpoints are `/oauth2/v2.0/{authorize,token,devicecode}` below it. */
  readonly url: string;
  /** The `iss` of ID tokens, `${url}/v2.0`: OpenID Connect Discovery finds its configuration below it. */
  readonly issuer: string;
  /** `${origin}/v1.0` */
  readonly graphUrl: string;
  /** A registered native public client with the redirect URI `http://localhost`, any port. PKCE is required. */
  readonly clientId: string;
  /** A second such client. */
  readonly otherClientId: string;
  /** Seconds, of access tokens issued from now on. A RangeError where it is set to less than 1 or to a fraction. */
  accessTokenTtl: number;
  /** How many requests an endpoint has got, all told or with one `grant_type`. */
  count(endpoint: Endpoint, grantType?: string): number;
  readonly requests: readonly ServedRequest[];
  /** Lets the next requests to an endpoint meet a fault. */
  fail(endpoint: Endpoint, fault: Fault, options?: FaultOptions): void;
  clearFaults(): void;
  /** Every code and token issued so far, device codes included: what must never be found in a log. */
  readonly issuedSecrets: ReadonlySet<string>;
  /** Ends all grants: a refresh meets `invalid_grant`, AADSTS50173. Access tokens stay good until they expire, as at Microsoft. */
  revokeAll(): Promise<void>;
  /** Ends all access tokens: Graph answers 401 to them. */
  expireAccessTokens(): Promise<void>;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

/** Starts an authority. Rejects where the port is taken. */
export async function startAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  let handle: RequestListener | undefined;
  const server = listenerOf(options, (request, response) => handle?.(request, response));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `${options.tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const url = `${origin}${authorityPath}`;
  const issuer = `${url}/v2.0`;
  const app = {
    name: 'Files on my machine',
    redirectUris: ['http://localhost', 'http://localhost/'],
    requirePkce: true,
  };
  const [clientId, otherClientId] = [randomUUID(), randomUUID()];
  const store = new MemoryStore(options.reuseGrace ?? 0);
  const faults = new FaultQueue();
  const requests: ServedRequest[] = [];
  const issuedSecrets = new Set<string>();
  const onIssued = (secret: string) => void issuedSecrets.add(secret);
  let accessTokenTtl = wholeSeconds(options.accessTokenTtl ?? 3600);

  const provider = await createProvider({
    origin,
    issuer,
    apps: [
      { ...app, clientId },
      { ...app, clientId: otherClientId, name: 'Another app' },
    ],
    store,
    rotateRefreshTokens: options.rotateRefreshTokens ?? true,
    accessTokenTtl: () => accessTokenTtl,
    deviceCodeTtl: options.deviceCodeTtl ?? 900,
    onIssued,
  });
  provider.use(logRequests(requests));
  provider.use(injectFaults(faults));
  provider.use(serveGraph(store));
  provider.use(signInPages(provider));
  provider.use(speakMicrosoft(provider, { deviceInterval: options.deviceInterval ?? 5, onIssued }));
  handle = provider.callback();

  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    origin,
    url,
    issuer,
    graphUrl: `${origin}${graphPath}`,
    clientId,
    otherClientId,
    get accessTokenTtl() {
      return accessTokenTtl;
    },
    set accessTokenTtl(seconds) {
      accessTokenTtl = wholeSeconds(seconds);
    },
    requests,
    count: (endpoint, grantType) =>
      requests.filter(
        (request) => request.endpoint === endpoint && (grantType === undefined || request.grantType === grantType),
      ).length,
    fail: (endpoint, fault, faultOptions) => faults.add(endpoint, fault, faultOptions),
    clearFaults: () => faults.clear(),
    issuedSecrets,
    revokeAll: async () => store.clear('Grant'),
    expireAccessTokens: async () => store.clear('AccessToken'),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function listenerOf({ tls }: AuthorityOptions, handle: RequestListener): Server {
  return tls ? https.createServer(tls, handle) : http.createServer(handle);
}

function wholeSeconds(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= 1) return seconds;
  throw new RangeError(`accessTokenTtl must be a whole number of seconds of at least 1, not ${seconds}`);
}
