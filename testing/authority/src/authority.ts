import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { ContentStore } from './content.ts';
import { serveControl } from './control.ts';
import { injectFaults } from './fault-injection.ts';
import { type Endpoint, type Fault, type FaultOptions, FaultQueue } from './faults.ts';
import { serveGraph } from './graph.ts';
import { signInPages } from './interactions.ts';
import { MemoryStore } from './memory-adapter.ts';
import { speakMicrosoft } from './microsoft-habits.ts';
import { refuseOtherTenants } from './other-tenants.ts';
import { authorityPath, graphPath } from './paths.ts';
import { createProvider, type RegisteredApp } from './provider.ts';
import { logRequests, type ServedRequest } from './request-log.ts';

export interface AuthorityOptions {
  /** Default 0: the system picks a free one. */
  port?: number;
  /** Seconds, at least 1. Default 3600; `authority.accessTokenTtl` changes it later. */
  accessTokenTtl?: number;
  /** PEM texts, of `selfSignedCertificate()` for example: serves https. Default: plain http. */
  tls?: { key: string; cert: string };
  /** Default true: a refresh token is good for one refresh, and its reuse revokes the whole grant (RFC 9700 section 4.14.2). */
  rotateRefreshTokens?: boolean;
  /** Milliseconds in which a rotated refresh token is accepted all the same. Default 0: its reuse revokes at once. */
  reuseGrace?: number;
  /** Seconds in which a code has to be redeemed. Default 600. */
  codeTtl?: number;
  /** Seconds from its issuance in which a refresh token is good. Default 90 days, anew with each rotation. */
  refreshTokenTtl?: number;
  /** The redirect URIs of the clients; those on loopback match with any port. Default `['http://localhost']`. */
  redirectUris?: string[];
  /** Seconds between two polls of the device flow, below which the answer is `slow_down`. Default 5; 0: never (openid-client refuses such a provider). */
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
  /** A third, for programs from before PKCE, which Microsoft still serves. Where one sends a challenge, it counts. */
  readonly clientIdWithoutPkce: string;
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

/** Starts an authority. Rejects where the port is taken or an option has no use. */
export async function startAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  let handle: RequestListener | undefined;
  const server = listenerOf(options, (request, response) => handle?.(request, response));
  const authority = new LocalAuthority(server, options);
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  handle = await authority.serve(
    `${options.tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  return authority;
}

class LocalAuthority implements Authority {
  readonly clientId = randomUUID();
  readonly otherClientId = randomUUID();
  readonly clientIdWithoutPkce = randomUUID();
  readonly requests: ServedRequest[] = [];
  readonly issuedSecrets = new Set<string>();
  origin = '';
  readonly #server: Server;
  readonly #options: AuthorityOptions;
  readonly #store: MemoryStore;
  readonly #faults = new FaultQueue();
  #accessTokenTtl = 3600;

  constructor(server: Server, options: AuthorityOptions) {
    this.#server = server;
    this.#options = options;
    this.#store = new MemoryStore(options.reuseGrace ?? 0);
    this.accessTokenTtl = options.accessTokenTtl ?? this.#accessTokenTtl;
  }

  get url(): string {
    return this.origin + authorityPath;
  }

  get issuer(): string {
    return `${this.url}/v2.0`;
  }

  get graphUrl(): string {
    return this.origin + graphPath;
  }

  get accessTokenTtl(): number {
    return this.#accessTokenTtl;
  }

  set accessTokenTtl(seconds: number) {
    if (!Number.isInteger(seconds) || seconds < 1) {
      throw new RangeError(`accessTokenTtl must be a whole number of seconds of at least 1, not ${seconds}`);
    }
    this.#accessTokenTtl = seconds;
  }

  /** Makes what answers requests, once it is known where. */
  async serve(origin: string): Promise<RequestListener> {
    this.origin = origin;
    const { rotateRefreshTokens = true, codeTtl = 600, refreshTokenTtl = 90 * 86_400 } = this.#options;
    const { deviceCodeTtl = 900, deviceInterval = 5 } = this.#options;
    const onIssued = (secret: string) => void this.issuedSecrets.add(secret);
    const provider = await createProvider({
      issuer: this.issuer,
      apps: this.#apps(),
      store: this.#store,
      rotateRefreshTokens,
      accessTokenTtl: () => this.#accessTokenTtl,
      codeTtl,
      refreshTokenTtl,
      deviceCodeTtl,
      onIssued,
    });
    // The same server by another name, as Microsoft's content is on other hosts than Graph.
    const content = new ContentStore(origin.replace('127.0.0.1', 'localhost'));
    provider.use(serveControl(this));
    provider.use(logRequests(this.requests));
    provider.use(injectFaults(this.#faults));
    provider.use(serveGraph(this.#store, content));
    provider.use(content.serve());
    provider.use(refuseOtherTenants());
    provider.use(signInPages(provider));
    provider.use(speakMicrosoft(provider, { deviceInterval, onIssued, store: this.#store }));
    return provider.callback();
  }

  count(endpoint: Endpoint, grantType?: string): number {
    return this.requests.filter(
      (request) => request.endpoint === endpoint && (grantType === undefined || request.grantType === grantType),
    ).length;
  }

  fail(endpoint: Endpoint, fault: Fault, options?: FaultOptions): void {
    this.#faults.add(endpoint, fault, options);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  async revokeAll(): Promise<void> {
    this.#store.clear('Grant');
  }

  async expireAccessTokens(): Promise<void> {
    this.#store.clear('AccessToken');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #apps(): RegisteredApp[] {
    // The portal's check box says `http://localhost`; with and without the slash it is the same address.
    const redirectUris = (this.#options.redirectUris ?? ['http://localhost']).flatMap((uri) => [
      ...new Set([uri, new URL(uri).href]),
    ]);
    return [
      { clientId: this.clientId, name: 'Files on my machine', redirectUris, requirePkce: true },
      { clientId: this.otherClientId, name: 'Another app', redirectUris, requirePkce: true },
      { clientId: this.clientIdWithoutPkce, name: 'An app from before PKCE', redirectUris, requirePkce: false },
    ];
  }
}

function listenerOf({ tls }: AuthorityOptions, handle: RequestListener): Server {
  return tls ? https.createServer(tls, handle) : http.createServer(handle);
}
