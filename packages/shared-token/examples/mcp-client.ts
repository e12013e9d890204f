/**
 * An MCP client whose processes share one sign-in. With the SDK alone, each process refreshes by itself; a server that
 * rotates refresh tokens then takes the second refresh for theft, and the SDK deletes the stored tokens of all.
 */
import {
  auth,
  discoverOAuthServerInfo,
  type OAuthClientProvider,
  refreshAuthorization,
  UnauthorizedError,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InvalidClientError, OAuthError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type {
  OAuthClientInformationFull,
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { openAcceptor } from 'loopback-acceptor';
import { createState } from 'pkce-state';
import {
  type RefreshContext,
  SharedToken,
  SharedTokenError,
  type SignInContext,
  type TokenResponse,
  type TokenStore,
} from 'shared-token';

export interface SharedAuthOptions {
  /** The address of the MCP server. Its sign-in is stored under this name. */
  serverUrl: string;
  /** Shared by all processes, for example `openTokenStore(dataFilepath('my-client'))`. */
  store: TokenStore;
  openBrowser: (url: string) => unknown;
}

/** The registration of this client at the server has ended, or this is not what it was registered for. */
const registrationErrors = ['invalid_client', 'unauthorized_client'];

/**
 * Gives the SDK access tokens and nothing else. Without a refresh token it cannot refresh by itself, and there is nothing
 * that it could erase: SharedToken refreshes for all processes, and asks the person for all processes.
 */
export class SharedAuthProvider implements OAuthClientProvider {
  readonly shared: SharedToken;
  readonly #options: SharedAuthOptions;
  readonly #registration: Registration;
  /** An access token that the server has answered with 401. */
  #rejected: string | undefined;

  constructor(options: SharedAuthOptions) {
    this.#options = options;
    this.#registration = new Registration(options);
    this.shared = new SharedToken({
      store: options.store,
      name: options.serverUrl,
      refresh: (record, context) => this.#refresh(record, context),
      signIn: (context) => this.#signIn(context),
      // A request must not wait for a person: it has a timeout. See connect().
      interactive: false,
      needsSignIn: (error) => ['invalid_grant', ...registrationErrors].includes(errorCodeOf(error)),
      describeRefusal: errorCodeOf,
    });
  }

  /** The SDK calls this before each request. */
  async tokens(): Promise<OAuthTokens | undefined> {
    try {
      return { access_token: await this.#getToken(false), token_type: 'Bearer' };
    } catch (error) {
      if (error instanceof SharedTokenError && error.code === 'SIGN_IN_REQUIRED') return undefined;
      throw error;
    }
  }

  /** For the transport: after 401, a request is sent once more with another token. */
  readonly fetch: FetchLike = async (url, init) => {
    const response = await fetch(url, init);
    const headers = new Headers(init?.headers);
    const sent = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1];
    if (response.status !== 401 || sent === undefined) return response;
    this.#rejected = sent;
    const tokens = await this.tokens();
    if (!tokens) return response;
    await response.body?.cancel();
    headers.set('authorization', `Bearer ${tokens.access_token}`);
    return fetch(url, { ...init, headers });
  };

  /** Gets a token that the server has not rejected, and asks the person if no process has one. */
  async signIn(): Promise<void> {
    await this.#getToken(true);
  }

  /**
   * Erases nothing. Another process may have replaced a moment ago what this one takes for invalid: the next token is a
   * newer one from the store, or comes from a refresh. To sign out, call `shared.signOut()`.
   */
  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'tokens') this.#rejected = this.shared.peek()?.accessToken;
  }

  /**
   * After 401, the SDK calls this first of all. Without this error it would go on to register a client and to open a
   * browser, in each process.
   */
  discoveryState(): never {
    throw new UnauthorizedError('A person has to sign in: call signIn(), then try again.');
  }

  // What the SDK needs to sign in by itself: see SignInFlow, which does that in one process at a time.
  readonly redirectUrl = undefined;
  readonly clientMetadata = { redirect_uris: [] };
  clientInformation = () => this.#registration.read();
  saveTokens = this.discoveryState;
  saveCodeVerifier = this.discoveryState;
  codeVerifier = this.discoveryState;
  redirectToAuthorization = this.discoveryState;

  async #getToken(interactive: boolean): Promise<string> {
    const { accessToken } = await this.shared.getToken({ interactive });
    if (accessToken !== this.#rejected) return accessToken;
    return (await this.shared.getToken({ interactive, forceRefresh: true })).accessToken;
  }

  async #refresh({ refreshToken }: { refreshToken: string }, { signal }: RefreshContext): Promise<TokenResponse> {
    const fetchFn = abortable(signal);
    const server = await discoverOAuthServerInfo(this.#options.serverUrl, { fetchFn });
    const clientInformation = await this.#registration.read();
    // A refresh token goes to the server that issued it, whatever the MCP server names today.
    if (clientInformation?.issuer !== server.authorizationServerUrl) {
      throw new InvalidClientError(`not registered at ${server.authorizationServerUrl}`);
    }
    return refreshAuthorization(server.authorizationServerUrl, {
      clientInformation,
      refreshToken,
      fetchFn,
      ...(server.authorizationServerMetadata && { metadata: server.authorizationServerMetadata }),
      ...(server.resourceMetadata && { resource: server.resourceMetadata.resource }),
    });
  }

  /** SharedToken calls this in one process at a time. */
  async #signIn({ redeem, record, signal }: SignInContext): Promise<TokenResponse> {
    const { serverUrl, openBrowser } = this.#options;
    const isRegistered = !registrationErrors.includes(record?.refusedBecause ?? '');
    const client = isRegistered ? await this.#registration.read() : undefined;
    const state = createState();
    // The registered port: not every server accepts another one (RFC 8252 section 7.3).
    const port = Number(new URL(client?.redirect_uris[0] ?? 'http://localhost').port);
    await using acceptor = await openAcceptor({ state, port, signal });
    const flow = new SignInFlow(acceptor.redirectUri, state, client, openBrowser);
    const exchange = async (authorizationCode: string): Promise<TokenResponse> => {
      await auth(flow, { serverUrl, authorizationCode, fetchFn: abortable(signal) });
      const { tokens, client: registered } = flow.result;
      // Just before the tokens, and by the process that holds the lock of the sign-in.
      await this.#registration.write(registered);
      return tokens;
    };
    const answer = acceptor.accept(({ code }) => redeem(() => exchange(code)));
    await auth(flow, { serverUrl, fetchFn: abortable(signal) });
    return await answer;
  }
}

/** What the SDK is given for one sign-in, and what it gives. */
class SignInFlow implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly #state: string;
  readonly #openBrowser: (url: string) => unknown;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';

  constructor(
    redirectUrl: string,
    state: string,
    client: OAuthClientInformationMixed | undefined,
    openBrowser: (url: string) => unknown,
  ) {
    this.redirectUrl = redirectUrl;
    this.#state = state;
    this.#client = client;
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

  get result(): { tokens: OAuthTokens; client: OAuthClientInformationMixed } {
    if (!this.#tokens || !this.#client) throw new Error('the sign-in has not ended');
    return { tokens: this.#tokens, client: this.#client };
  }

  state = () => this.#state;
  clientInformation = () => this.#client;
  saveClientInformation = (client: OAuthClientInformationMixed): void => {
    this.#client = client;
  };
  /** A sign-in starts anew, whatever is stored. */
  tokens = () => undefined;
  saveTokens = (tokens: OAuthTokens): void => {
    this.#tokens = tokens;
  };
  codeVerifier = () => this.#verifier;
  saveCodeVerifier = (verifier: string): void => {
    this.#verifier = verifier;
  };
  redirectToAuthorization = (url: URL): void => void this.#openBrowser(url.href);
}

/**
 * The client's registration (RFC 7591) in a record of its own, in the same store: it may hold a secret, so it needs the
 * protection that the tokens have, and it is needed by every process that refreshes them.
 */
class Registration {
  readonly #store: TokenStore;
  readonly #name: string;

  constructor({ store, serverUrl }: SharedAuthOptions) {
    this.#store = store;
    this.#name = `registration at ${serverUrl}`;
  }

  async read(): Promise<OAuthClientInformationFull | undefined> {
    const record = await this.#store.get(this.#name);
    return record?.refreshToken && JSON.parse(record.refreshToken);
  }

  async write(client: OAuthClientInformationMixed): Promise<void> {
    // A record's one field that every store has, and encrypts.
    await this.#store.set(this.#name, { refreshToken: JSON.stringify(client) });
  }
}

/** Connects. If the server wants a sign-in, SharedToken asks the person in one process, and all use the result. */
export async function connect(serverUrl: string, authProvider: SharedAuthProvider): Promise<Client> {
  for (let attempt = 1; ; attempt++) {
    const client = new Client({ name: 'my-mcp-client', version: '1.0.0' });
    const options = { authProvider, fetch: authProvider.fetch };
    try {
      await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), options));
      return client;
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || attempt === 2) throw error;
      await authProvider.signIn();
    }
  }
}

function abortable(signal: AbortSignal): FetchLike {
  return (url, init) => fetch(url, { ...init, signal });
}

function errorCodeOf(error: unknown): string {
  return error instanceof OAuthError ? error.errorCode : '';
}
