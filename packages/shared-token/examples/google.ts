import { openAcceptor } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';
import { SharedToken, type SignInContext, type TokenResponse, type TokenStore } from 'shared-token';

export interface GoogleOptions {
  clientId: string;
  /** Google gives one to every client of the type "Desktop app", and expects it. It is not a secret. */
  clientSecret: string;
  scopes: readonly string[];
  store: TokenStore;
  openBrowser: (url: string) => unknown;
  /** Default: Google's. */
  endpoints?: { authorize: string; token: string };
}

const google = {
  authorize: 'https://accounts.google.com/o/oauth2/v2/auth',
  token: 'https://oauth2.googleapis.com/token',
};

/** A token for Google's APIs. Google does not rotate refresh tokens, but ends the oldest one beyond 100 sign-ins. */
export function openGoogle(options: GoogleOptions): SharedToken {
  const { clientId, clientSecret, scopes, store, endpoints = google } = options;
  const client = { client_id: clientId, client_secret: clientSecret };
  const post = async (form: Record<string, string>, signal: AbortSignal): Promise<TokenResponse> => {
    const body = new URLSearchParams({ ...client, ...form });
    const response = await fetch(endpoints.token, { method: 'POST', body, signal });
    const answer = (await response.json()) as TokenResponse & { error?: string };
    if (response.ok) return answer;
    // shared-token looks at `error`: invalid_grant means that a person has to sign in.
    throw Object.assign(new Error(`Google answered ${response.status} ${answer.error}`), { error: answer.error });
  };
  return new SharedToken({
    store,
    name: 'google',
    clientId,
    authority: 'https://accounts.google.com',
    refresh: ({ refreshToken }, { signal }) =>
      post({ grant_type: 'refresh_token', refresh_token: refreshToken }, signal),
    // A person may grant fewer scopes than the program asked for.
    accepts: ({ scope = '' }) => scopes.every((wanted) => scope.split(' ').includes(wanted)),
    signIn: (context) => signInByBrowser(options, context, post),
  });
}

async function signInByBrowser(
  { clientId, scopes, openBrowser, endpoints = google }: GoogleOptions,
  { redeem, signal, timeout }: SignInContext,
  post: (form: Record<string, string>, signal: AbortSignal) => Promise<TokenResponse>,
): Promise<TokenResponse> {
  const state = createState();
  const { verifier, challenge, method } = await createPkce();
  await using acceptor = await openAcceptor({ state, host: '127.0.0.1', signal, timeout });
  const redirect = { redirect_uri: acceptor.redirectUri };
  const tokens = acceptor.accept(({ code }) =>
    // The page in the browser says "You are signed in" when the tokens are stored.
    redeem(() => post({ grant_type: 'authorization_code', code, code_verifier: verifier, ...redirect }, signal)),
  );
  const url = new URL(endpoints.authorize);
  url.search = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    scope: scopes.join(' '),
    // Google gives a refresh token for `offline` only, and only if the person is asked.
    access_type: 'offline',
    prompt: 'consent',
    state,
    code_challenge: challenge,
    code_challenge_method: method,
    ...redirect,
  }).toString();
  await openBrowser(url.href);
  return await tokens;
}
