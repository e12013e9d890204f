/**
 * Signs in to a remote MCP server. The SDK does discovery, registration, PKCE and redemption, but it does not wait for the
 * browser. The provider below keeps client and tokens in memory. A real one stores them.
 */
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { openAcceptor } from 'loopback-acceptor';
import { createState } from 'pkce-state';

class LoopbackAuthProvider implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly #state: string;
  readonly #openBrowser: (url: string) => unknown;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';

  constructor(redirectUrl: string, state: string, openBrowser: (url: string) => unknown) {
    this.redirectUrl = redirectUrl;
    this.#state = state;
    this.#openBrowser = openBrowser;
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: 'My MCP client',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state = (): string => this.#state;
  clientInformation = (): OAuthClientInformationMixed | undefined => this.#client;
  saveClientInformation = (client: OAuthClientInformationMixed): void => {
    this.#client = client;
  };
  tokens = (): OAuthTokens | undefined => this.#tokens;
  saveTokens = (tokens: OAuthTokens): void => {
    this.#tokens = tokens;
  };
  codeVerifier = (): string => this.#verifier;
  saveCodeVerifier = (verifier: string): void => {
    this.#verifier = verifier;
  };
  redirectToAuthorization = (url: URL): void => void this.#openBrowser(url.href);
}

/** Connects to an MCP server that may require a sign-in. */
export async function connect(serverUrl: string, openBrowser: (url: string) => unknown): Promise<Client> {
  const state = createState();
  const acceptor = await openAcceptor({ state });
  const authProvider = new LoopbackAuthProvider(acceptor.redirectUri, state, openBrowser);
  try {
    const transport = new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider });
    const client = new Client({ name: 'my-mcp-client', version: '1.0.0' });
    try {
      await client.connect(transport);
      return client;
    } catch (error) {
      // The transport opened the browser before it threw.
      if (!(error instanceof UnauthorizedError)) throw error;
    }
    await acceptor.accept(({ code }) => transport.finishAuth(code));
    await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider }));
    return client;
  } finally {
    await acceptor.close();
  }
}
