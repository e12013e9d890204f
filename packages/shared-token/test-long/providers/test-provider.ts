import { openAcceptor } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';
import type { TokenResponse } from 'shared-token';
import { type Authority, signInAs, startAuthority } from 'testing-authority';

/** What a process needs to know of a provider. */
export interface ProviderSettings {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret?: string;
}

/** A provider on loopback, and what tests ask it. */
export interface TestProvider extends AsyncDisposable {
  readonly settings: ProviderSettings;
  /** The tokens of a person who has just signed in. */
  signIn(): Promise<TokenResponse>;
  /** How many refresh requests it got. */
  refreshes(): number;
  /** Whether it has ended the sign-in. */
  isRevoked(): Promise<boolean>;
}

/** A provider with Microsoft's habits, for a public client: it accepts a spent refresh token for a while. */
export async function startMicrosoft(): Promise<TestProvider> {
  const authority = await startAuthority({ reuseGrace: 60_000 });
  return providerOf(authority, { clientId: authority.clientId });
}

/** One that ends the sign-in of a confidential client when a refresh token is used twice (RFC 9700 section 4.14.2). */
export async function startStrictProvider(): Promise<TestProvider> {
  const authority = await startAuthority();
  return providerOf(authority, authority.confidentialClient);
}

function providerOf(authority: Authority, client: Pick<ProviderSettings, 'clientId' | 'clientSecret'>): TestProvider {
  const tokenEndpoint = `${authority.url}/oauth2/v2.0/token`;
  let newest: TokenResponse | undefined;
  return {
    settings: { issuer: authority.issuer, tokenEndpoint, ...client },
    async signIn() {
      newest = await signInByBrowser(`${authority.url}/oauth2/v2.0`, client);
      return newest;
    },
    refreshes: () => authority.count('token', 'refresh_token'),
    async isRevoked() {
      const headers = { authorization: `Bearer ${newest?.access_token}` };
      // At this provider, the end of a sign-in ends its access tokens as well.
      return (await fetch(`${authority.graphUrl}/me`, { headers })).status === 401;
    },
    [Symbol.asyncDispose]: () => authority.close(),
  };
}

async function signInByBrowser(
  endpoints: string,
  { clientId, clientSecret }: Pick<ProviderSettings, 'clientId' | 'clientSecret'>,
): Promise<TokenResponse> {
  const state = createState();
  const { verifier, challenge, method } = await createPkce();
  await using acceptor = await openAcceptor({ state });
  const redirect = { client_id: clientId, redirect_uri: acceptor.redirectUri };
  const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
  const tokens = acceptor.accept(async ({ code }) => {
    const form = { grant_type: 'authorization_code', ...redirect, ...secret, code, code_verifier: verifier };
    const response = await fetch(`${endpoints}/token`, { method: 'POST', body: new URLSearchParams(form) });
    return (await response.json()) as TokenResponse;
  });
  const pkce = { code_challenge: challenge, code_challenge_method: method };
  const request = { ...redirect, response_type: 'code', scope: 'openid offline_access Files.Read', state, ...pkce };
  await signInAs(`${endpoints}/authorize?${new URLSearchParams(request)}`);
  return tokens;
}
