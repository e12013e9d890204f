import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  DemoInMemoryAuthProvider,
  DemoInMemoryClientsStore,
} from '@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js';
import { InvalidGrantError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';

interface Grant {
  readonly client: string;
  readonly tokens: OAuthTokens;
  readonly accessTokens: Set<string>;
  /** The one that was issued last. */
  refreshToken: string;
}

/** The SDK's list of registered clients, which can be emptied. */
class ForgetfulClientsStore extends DemoInMemoryClientsStore {
  readonly known = new Set<string>();

  override async getClient(clientId: string): Promise<OAuthClientInformationFull | undefined> {
    return this.known.has(clientId) ? super.getClient(clientId) : undefined;
  }

  override async registerClient(client: OAuthClientInformationFull): Promise<OAuthClientInformationFull> {
    this.known.add(client.client_id);
    return super.registerClient(client);
  }
}

/**
 * The SDK's in-memory authorization server, which knows no refresh tokens, with rotation added: a refresh token is good
 * for one refresh, and its reuse ends the sign-in (RFC 9700 section 4.14.2).
 */
class RotatingAuthProvider extends DemoInMemoryAuthProvider {
  override clientsStore = new ForgetfulClientsStore();
  /** How many refresh requests it got. */
  refreshes = 0;
  /** By every refresh token that was issued. */
  readonly #grants = new Map<string, Grant>();
  #issued = 0;

  override async exchangeAuthorizationCode(
    ...[client, code]: Parameters<DemoInMemoryAuthProvider['exchangeAuthorizationCode']>
  ): Promise<OAuthTokens> {
    const tokens = await super.exchangeAuthorizationCode(client, code);
    return this.#issue({ client: client.client_id, tokens, accessTokens: new Set(), refreshToken: '' });
  }

  override async exchangeRefreshToken(client: OAuthClientInformationFull, refreshToken: string): Promise<OAuthTokens> {
    this.refreshes++;
    const grant = this.#grants.get(refreshToken);
    if (!grant || grant.client !== client.client_id) throw new InvalidGrantError('unknown refresh token');
    if (grant.refreshToken === refreshToken) return this.#issue(grant);
    for (const [token, known] of this.#grants) if (known === grant) this.#grants.delete(token);
    throw new InvalidGrantError('this refresh token was used twice');
  }

  override async verifyAccessToken(token: string): Promise<AuthInfo> {
    const grant = [...this.#grants.values()].find(({ accessTokens }) => accessTokens.has(token));
    if (!grant) throw new InvalidTokenError('unknown access token');
    const expiresAt = Math.floor(Date.now() / 1000) + 3600;
    return { token, clientId: grant.client, scopes: [], expiresAt };
  }

  /** Whether any refresh token would be accepted. */
  get isSignedIn(): boolean {
    return this.#grants.size > 0;
  }

  /** Ends the access tokens: the server answers them with 401. */
  expireAccessTokens(): void {
    for (const { accessTokens } of this.#grants.values()) accessTokens.clear();
  }

  /** Ends all sign-ins, access tokens included. */
  revoke(): void {
    this.#grants.clear();
  }

  /** Forgets the registrations, as a server does that keeps them in memory and starts again. */
  forgetClients(): void {
    this.clientsStore.known.clear();
  }

  #issue(grant: Grant): OAuthTokens {
    this.#issued++;
    const accessToken = `access-token-${this.#issued}`;
    grant.accessTokens.add(accessToken);
    grant.refreshToken = `refresh-token-${this.#issued}`;
    this.#grants.set(grant.refreshToken, grant);
    return { ...grant.tokens, access_token: accessToken, refresh_token: grant.refreshToken };
  }
}

export interface RunningMcpServer extends AsyncDisposable {
  readonly url: string;
  readonly provider: RotatingAuthProvider;
}

/** A remote MCP server that wants OAuth, with its authorization server, of the SDK's own parts. */
export async function startMcpServer(): Promise<RunningMcpServer> {
  const app = createMcpExpressApp();
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new RotatingAuthProvider();
  app.use(
    mcpAuthRouter({
      provider,
      issuerUrl: new URL(origin),
      resourceServerUrl: new URL(`${origin}/mcp`),
      tokenOptions: { rateLimit: false },
    }),
  );
  const resourceMetadataUrl = `${origin}/.well-known/oauth-protected-resource/mcp`;
  app.post('/mcp', requireBearerAuth({ verifier: provider, resourceMetadataUrl }), async (request, response) => {
    const mcp = new McpServer({ name: 'testing', version: '1.0.0' });
    mcp.registerTool('greet', { description: 'Greets' }, () => ({ content: [{ type: 'text', text: 'Hello' }] }));
    const transport = new StreamableHTTPServerTransport();
    response.on('close', () => void mcp.close());
    await mcp.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  return {
    url: `${origin}/mcp`,
    provider,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
