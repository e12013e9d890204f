import { openAcceptor } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';

/** The part of Google's token response that a program needs. */
export interface GoogleTokens {
  access_token: string;
  expires_in: number;
  refresh_token?: string;
}

/**
 * Signs in to Google with a client of the type "Desktop app", which may use any port on loopback. Google requires the
 * secret of such a client, although it cannot be kept secret in a program.
 */
export async function signInToGoogle(
  client: { clientId: string; clientSecret: string },
  openBrowser: (url: string) => unknown,
): Promise<GoogleTokens> {
  const state = createState();
  const { verifier, challenge, method } = await createPkce();
  const acceptor = await openAcceptor({ state, host: '127.0.0.1' });

  const tokens = acceptor.accept(async ({ code }) => {
    const response = await fetch('https://oauth2.googleapis.com/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: client.clientId,
        client_secret: client.clientSecret,
        code,
        code_verifier: verifier,
        redirect_uri: acceptor.redirectUri,
      }),
    });
    if (!response.ok) throw new Error(`Google refused the code: ${response.status}`);
    return (await response.json()) as GoogleTokens;
  });

  const url = new URL('https://accounts.google.com/o/oauth2/v2/auth');
  url.search = new URLSearchParams({
    client_id: client.clientId,
    redirect_uri: acceptor.redirectUri,
    response_type: 'code',
    scope: 'https://www.googleapis.com/auth/drive.file',
    // Google sends a refresh token only with `offline`, and only if it asks the person for consent.
    access_type: 'offline',
    prompt: 'consent',
    state,
    code_challenge: challenge,
    code_challenge_method: method,
  }).toString();
  openBrowser(url.href);
  return tokens;
}
