/**
 * Signs in, refreshes, and keeps the tokens in a file: `program AUTHORITY CLIENT_ID FILE`. Prints the address to open, unless a sign-in is
 * stored, then the first token and the refreshed token. Bundled into one file, it needs no package.
 */
import { openAcceptor } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';
import { SharedToken, type TokenResponse } from 'shared-token';
import { openFileTokenStore } from 'token-store-file';

const [authority = '', client_id = '', file = ''] = process.argv.slice(2);

async function askForTokens(parameters: Record<string, string>): Promise<TokenResponse> {
  const body = new URLSearchParams({ client_id, ...parameters });
  const response = await fetch(`${authority}/oauth2/v2.0/token`, { method: 'POST', body });
  if (!response.ok) throw new Error(`The provider answered ${response.status}: ${await response.text()}`);
  return response.json() as Promise<TokenResponse>;
}

async function signIn(): Promise<TokenResponse> {
  const state = createState();
  const { verifier: code_verifier, challenge } = await createPkce();
  const acceptor = await openAcceptor({ state });
  const redirect_uri = acceptor.redirectUri;
  const tokens = acceptor.accept(({ code }) =>
    askForTokens({ grant_type: 'authorization_code', code, redirect_uri, code_verifier }),
  );
  const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };
  const scope = 'offline_access Files.Read';
  const request = { response_type: 'code', client_id, redirect_uri, scope, state, ...pkce };
  console.log(`open ${authority}/oauth2/v2.0/authorize?${new URLSearchParams(request)}`);
  return tokens;
}

// CommonJS has no `await` at top level.
async function run(): Promise<void> {
  const shared = new SharedToken({
    store: openFileTokenStore(file),
    name: 'app',
    refresh: ({ refreshToken }) => askForTokens({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    signIn,
  });
  console.log(`token ${(await shared.getToken()).accessToken}`);
  console.log(`token ${(await shared.getToken({ forceRefresh: true })).accessToken}`);
  await shared.close();
}

void run();
