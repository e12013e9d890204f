import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { SqliteTokenStore } from 'token-store-sqlite';

/** What MCP clients do without shared-token: the SDK gets the refresh token, and each process uses it by itself. */
export class AloneAuthProvider implements OAuthClientProvider {
  readonly redirectUrl = 'http://localhost/';
  readonly clientMetadata = { redirect_uris: [this.redirectUrl] };
  readonly #store: SqliteTokenStore;
  readonly #name: string;

  constructor(serverUrl: string, store: SqliteTokenStore) {
    this.#store = store;
    this.#name = serverUrl;
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    const record = this.#store.get(`registration at ${this.#name}`);
    return record && JSON.parse(record.refreshToken);
  }

  tokens(): OAuthTokens | undefined {
    const { refreshToken, accessToken } = this.#store.get(this.#name) ?? {};
    if (refreshToken === undefined || accessToken === undefined) return undefined;
    const issuer = this.clientInformation()?.issuer;
    return { access_token: accessToken, refresh_token: refreshToken, token_type: 'Bearer', ...(issuer && { issuer }) };
  }

  saveTokens({ refresh_token: refreshToken = '', access_token: accessToken }: OAuthTokens): void {
    this.#store.set(this.#name, { refreshToken, accessToken });
  }

  invalidateCredentials(): void {
    this.#store.delete(this.#name);
  }

  saveCodeVerifier(): void {}
  codeVerifier = () => '';
  redirectToAuthorization(): void {}
}
