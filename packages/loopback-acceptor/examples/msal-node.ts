import { type AuthenticationResult, CryptoProvider, type PublicClientApplication } from '@azure/msal-node';
import { openAcceptor } from 'loopback-acceptor';

/** Signs in with msal-node. Since its version 6, `acquireTokenInteractive` takes no loopback server of the program. */
export async function signIn(
  app: PublicClientApplication,
  scopes: string[],
  openBrowser: (url: string) => unknown,
): Promise<AuthenticationResult> {
  const crypto = new CryptoProvider();
  const { verifier, challenge } = await crypto.generatePkceCodes();
  const state = crypto.createNewGuid();
  const acceptor = await openAcceptor({ state });
  const request = { scopes, redirectUri: acceptor.redirectUri };
  const result = acceptor.accept(({ code }) => app.acquireTokenByCode({ ...request, code, codeVerifier: verifier }));
  const pkce = { codeChallenge: challenge, codeChallengeMethod: 'S256' };
  openBrowser(await app.getAuthCodeUrl({ ...request, ...pkce, state, responseMode: 'form_post' }));
  return result;
}
