import { createServer } from 'node:http';
import {
  DemoInMemoryAuthProvider,
  DemoInMemoryClientsStore,
} from '@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js';
import { InvalidGrantError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { createOAuthMetadata, mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { listen, stop } from 'testing-authority/listen';

interface Grant {
  readonly client: string;
  readonly scopes: string[];
  readonly accessTokens: Set<string>;
  /** The one that was issued last. */
  refreshToken: string;
}

type Authorize = Parameters<DemoInMemoryAuthProvider['authorize']>;

/** The SDK's list of registered clients, which can be emptied. */
class ForgetfulClientsStore extends DemoInMemoryClientsStore {
  /** By client id. */
  readonly known = new Map<string, Record<string, unknown>>();

  override async getClient(clientId: string): Promise<OAuthClientInformationFull | undefined> {
    return this.known.get(clientId) as OAuthClientInformationFull | undefined;
  }

  override async registerClient(client: OAuthClientInformationFull): Promise<OAuthClientInformationFull> {
    this.known.set(client.client_id, client);
    return client;
  }
}

/**
 * The SDK's in-memory authorization server, whose person agrees to everything, with refresh tokens added: one is good for one
 * refresh, and its reuse ends the sign-in (RFC 9700 section 4.14.2). A client that asks for no scope gets `basic`.
 */
export class AuthorizationServer extends DemoInMemoryAuthProvider implements AsyncDisposable {
  override clientsStore = new ForgetfulClientsStore();
  issuer = '';
  /** Each request's path, and what was sent with it. */
  readonly requests: { path: string; sent: Record<string, unknown> }[] = [];
  /** Changes of the metadata document. */
  metadata: Record<string, unknown> = {};
  /** Where a path redirects to, with 307 and the body. */
  readonly redirects = new Map<string, string>();
  /** Added to the answer in the browser, for example `iss`. With `error`, the person refuses. */
  answer: Record<string, string> = {};
  /** In seconds. Undefined: it does not say. */
  expiresIn: number | undefined = 3600;
  /** Whether clients get refresh tokens. */
  givesRefreshTokens = true;
  /** What the person grants of the scopes that a client asks for. */
  grants: (scopes: string[]) => string[] = (scopes) => scopes;
  /** How many refresh requests it got. */
  refreshes = 0;
  /** By every refresh token that was issued. */
  readonly #grants = new Map<string, Grant>();
  #issued = 0;
  #close: () => Promise<void> = async () => {};

  static async start(): Promise<AuthorizationServer> {
    const server = new AuthorizationServer();
    const app = createMcpExpressApp();
    const listening = createServer(app);
    server.issuer = `http://127.0.0.1:${await listen(listening)}`;
    const issuerUrl = new URL(server.issuer);
    app.use((request, response, next) => {
      const { path } = request;
      server.requests.push({
        path,
        // The body is read later.
        get sent() {
          return { ...request.query, ...request.body };
        },
      });
      const target = server.redirects.get(path);
      if (target === undefined) next();
      else response.redirect(307, target);
    });
    app.get('/.well-known/oauth-authorization-server', (_request, response) => {
      response.json({
        ...createOAuthMetadata({ provider: server, issuerUrl }),
        issuer: server.issuer,
        ...server.metadata,
      });
    });
    app.use(mcpAuthRouter({ provider: server, issuerUrl, tokenOptions: { rateLimit: false } }));
    server.#close = () => stop(listening);
    return server;
  }

  override async authorize(...[client, params, response]: Authorize): Promise<void> {
    const redirect = response.redirect.bind(response) as (url: string) => void;
    const redirectWithAnswer = (url: string): void => {
      const target = new URL(url);
      if (this.answer.error) target.searchParams.delete('code');
      for (const [name, value] of Object.entries(this.answer)) target.searchParams.set(name, value);
      redirect(target.href);
    };
    Object.assign(response, { redirect: redirectWithAnswer });
    await super.authorize({ ...client, redirect_uris: [params.redirectUri] }, params, response);
  }

  override async exchangeAuthorizationCode(
    ...[client, code]: Parameters<DemoInMemoryAuthProvider['exchangeAuthorizationCode']>
  ): Promise<OAuthTokens> {
    const { scope } = await super.exchangeAuthorizationCode(client, code);
    return this.#issue({
      client: client.client_id,
      scopes: this.grants((scope || 'basic').split(' ')),
      accessTokens: new Set(),
      refreshToken: '',
    });
  }

  override async exchangeRefreshToken(client: OAuthClientInformationFull, refreshToken: string): Promise<OAuthTokens> {
    this.refreshes++;
    const grant = this.#grants.get(refreshToken);
    if (!grant || grant.client !== client.client_id) throw new InvalidGrantError('unknown refresh token');
    if (grant.refreshToken === refreshToken) return this.#issue(grant);
    for (const [token, known] of this.#grants) if (known === grant) this.#grants.delete(token);
    throw new InvalidGrantError('this refresh token was used twice');
  }

  /** The scopes of an access token. Undefined: it is not valid. */
  scopesOf(accessToken: string): string[] | undefined {
    return [...this.#grants.values()].find(({ accessTokens }) => accessTokens.has(accessToken))?.scopes;
  }

  /** What was sent to a path. */
  sentTo(path: string): Record<string, unknown>[] {
    return this.requests.flatMap((request) => (request.path === path ? [request.sent] : []));
  }

  /** Whether any refresh token would be accepted. */
  get isSignedIn(): boolean {
    return this.#grants.size > 0;
  }

  /** Ends the access tokens. Nobody is told. */
  expireAccessTokens(): void {
    for (const { accessTokens } of this.#grants.values()) accessTokens.clear();
  }

  /** Ends all sign-ins, access tokens included. */
  revoke(): void {
    this.#grants.clear();
  }

  /** Knows a client that was registered beforehand. */
  register(client: Record<string, string>): void {
    this.clientsStore.known.set(client.client_id ?? '', { redirect_uris: ['http://localhost'], ...client });
  }

  /** As a server does that keeps the registrations in memory, and starts again. */
  forgetClients(): void {
    this.clientsStore.known.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  #issue(grant: Grant): OAuthTokens {
    this.#issued++;
    const accessToken = `access-token-${this.#issued}-of-${this.issuer}`;
    grant.accessTokens.add(accessToken);
    grant.refreshToken = `refresh-token-${this.#issued}-of-${this.issuer}`;
    this.#grants.set(grant.refreshToken, grant);
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      ...(this.expiresIn !== undefined && { expires_in: this.expiresIn }),
      scope: grant.scopes.join(' '),
      ...(this.givesRefreshTokens && { refresh_token: grant.refreshToken }),
    };
  }
}
