import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Authority, AuthorityOptions } from './authority.ts';
import { ContentStore } from './graph/content-store.ts';
import { serveGraph } from './graph/serve-graph.ts';
import { listen } from './listen.ts';
import { authorityPath, graphPath } from './paths.ts';
import { MemoryStore } from './provider/memory-store.ts';
import { speakMicrosoftDialect } from './provider/microsoft-dialect.ts';
import { refuseOtherTenants } from './provider/microsoft-errors.ts';
import { createProvider, type RegisteredApp } from './provider/provider.ts';
import { type Endpoint, type Fault, type FaultOptions, FaultQueue } from './requests/faults.ts';
import { injectFaults } from './requests/inject-faults.ts';
import { logRequests, type ServedRequest } from './requests/request-log.ts';
import { serveSignIn } from './sign-in/serve-sign-in.ts';

/** Disconnecting takes milliseconds, but the machine may be busy. */
const disconnectTimeoutMs = 60_000;

export async function startAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  let handle: RequestListener | undefined;
  const server = listenerOf(options, (request, response) => handle?.(request, response));
  const authority = new LocalAuthority(server, options);
  handle = await authority.serve(`${options.tls ? 'https' : 'http'}://127.0.0.1:${await listen(server)}`);
  return authority;
}

class LocalAuthority implements Authority {
  readonly clientId = randomUUID();
  readonly otherClientId = randomUUID();
  readonly clientIdWithoutPkce = randomUUID();
  readonly confidentialClient = { clientId: randomUUID(), clientSecret: randomUUID() };
  readonly requests: ServedRequest[] = [];
  readonly issuedSecrets = new Set<string>();
  origin = '';
  accessTokenTtl: number;
  readonly #server: Server;
  readonly #options: AuthorityOptions;
  readonly #store: MemoryStore;
  readonly #faults = new FaultQueue();

  constructor(server: Server, options: AuthorityOptions) {
    this.#server = server;
    this.#options = options;
    this.#store = new MemoryStore(options.reuseGrace ?? 0);
    this.accessTokenTtl = options.accessTokenTtl ?? 3600;
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

  /** Returns the request handler. It needs the origin, so the server has to listen already. */
  async serve(origin: string): Promise<RequestListener> {
    this.origin = origin;
    const { deviceInterval = 5 } = this.#options;
    const onIssued = (secret: string) => void this.issuedSecrets.add(secret);
    const provider = await createProvider({
      issuer: this.issuer,
      apps: this.#apps(),
      store: this.#store,
      accessTokenTtl: () => this.accessTokenTtl,
      onIssued,
    });
    // The same server by another name, because Microsoft serves content from another host than Graph.
    const content = new ContentStore(origin.replace('127.0.0.1', 'localhost'));
    provider.use(logRequests(this.requests));
    provider.use(injectFaults(this.#faults));
    provider.use(serveGraph(this.#store, content));
    provider.use(content.serve());
    provider.use(refuseOtherTenants());
    provider.use(serveSignIn(provider));
    provider.use(speakMicrosoftDialect(provider, { deviceInterval, onIssued, store: this.#store }));
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

  async untilDisconnected(): Promise<void> {
    // The system queues connections that this process has not accepted yet. Accepting is in order, so this new connection is the last.
    await this.#askOnNewConnection();
    const connections = promisify(this.#server.getConnections.bind(this.#server));
    const end = performance.now() + disconnectTimeoutMs;
    while ((await connections()) > 0 || this.requests.some(({ status }) => status === undefined)) {
      if (performance.now() > end) throw new Error('a client is still connected');
      await sleep(5);
    }
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

  #askOnNewConnection(): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = http.get(this.origin, { agent: false });
      request.on('error', reject).on('response', (response) => response.resume().on('end', resolve));
    });
  }

  #apps(): RegisteredApp[] {
    // In Microsoft's portal the URI is `http://localhost`, and a client may add the slash.
    const redirectUris = (this.#options.redirectUris ?? ['http://localhost']).flatMap((uri) => [
      ...new Set([uri, new URL(uri).href]),
    ]);
    return [
      { clientId: this.clientId, name: 'Files on my machine', redirectUris },
      { clientId: this.otherClientId, name: 'Another app', redirectUris },
      { clientId: this.clientIdWithoutPkce, name: 'An app without PKCE', redirectUris, withoutPkce: true },
      { ...this.confidentialClient, name: 'An app with a secret', redirectUris },
    ];
  }
}

function listenerOf({ tls }: AuthorityOptions, handle: RequestListener): Server {
  // 0 keeps idle connections open: if this side closed one, a request that is sent at that moment would fail, and so would the test.
  const options = { keepAliveTimeout: 0 };
  return tls
    ? https.createServer({ ...options, key: tls.key, cert: tls.cert }, handle)
    : http.createServer(options, handle);
}
