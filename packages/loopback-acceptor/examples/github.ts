import { openAcceptor } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';

/**
 * Signs in to GitHub with an OAuth app whose callback URL is `http://127.0.0.1/callback`. GitHub accepts any port there. It
 * needs the literal address, and the app's secret even with PKCE.
 *
 * @returns an access token for GitHub's API.
 */
export async function signInToGitHub(
  app: { clientId: string; clientSecret: string },
  openBrowser: (url: string) => unknown,
): Promise<string> {
  const state = createState();
  const { verifier, challenge, method } = await createPkce();
  const acceptor = await openAcceptor({ state, host: '127.0.0.1', path: '/callback' });

  const token = acceptor.accept(async ({ code }) => {
    const response = await fetch('https://github.com/login/oauth/access_token', {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams({
        client_id: app.clientId,
        client_secret: app.clientSecret,
        code,
        code_verifier: verifier,
        redirect_uri: acceptor.redirectUri,
      }),
    });
    const answer = (await response.json()) as { access_token?: string; error?: string };
    // GitHub answers 200 even if it refuses the code.
    if (!answer.access_token) throw new Error(`GitHub refused the code: ${answer.error ?? response.status}`);
    return answer.access_token;
  });

  const url = new URL('https://github.com/login/oauth/authorize');
  url.search = new URLSearchParams({
    client_id: app.clientId,
    redirect_uri: acceptor.redirectUri,
    scope: 'read:user',
    state,
    code_challenge: challenge,
    code_challenge_method: method,
  }).toString();
  openBrowser(url.href);
  return token;
}
