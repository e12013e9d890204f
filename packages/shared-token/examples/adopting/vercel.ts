/**
 * Lets the vercel that is installed in FOLDER take its token through shared-token: `node vercel.ts FOLDER`
 *
 * Install vercel, shared-token and token-store-file there. Its file, `auth.json`, keeps its name, its format and all other fields, so an
 * unedited vercel can use it as well. Tokens in a keychain stay with vercel's own way.
 */
import type { TokenResponse } from 'shared-token';
import { editPackage } from './edit-package.ts';

/** What vercel keeps in memory of `auth.json`. Seconds. */
interface AuthConfig {
  token: string | undefined;
  refreshToken: string | undefined;
  expiresAt: number;
}

/**
 * Refreshes the token in the file at `path`, unless another process has, and returns what the file has then. Undefined if it has no
 * sign-in, or one that was refused: then vercel does what it always does. `send` sends vercel's own request.
 */
async function refreshForAll(
  path: string,
  send: (refreshToken: string) => Promise<TokenResponse>,
): Promise<AuthConfig | undefined> {
  const { SharedToken } = await import('shared-token');
  const { openFileTokenStore } = await import('token-store-file');
  const store = openFileTokenStore(path, {
    parse(text): Record<string, { refreshToken: string; accessToken: string; expiresAt: number }> {
      const { token, refreshToken, expiresAt = 0 } = JSON.parse(text);
      return refreshToken ? { vercel: { refreshToken, accessToken: token, expiresAt: expiresAt * 1000 } } : {};
    },
    format({ vercel }, before = '{}') {
      const { accessToken: token, refreshToken, expiresAt = 0 } = vercel ?? {};
      const fields = { token, refreshToken, expiresAt: Math.floor(expiresAt / 1000) };
      return `${JSON.stringify({ ...JSON.parse(before), ...fields }, null, 2)}\n`;
    },
  });
  const shared = new SharedToken({
    store,
    name: 'vercel',
    // As vercel: a token counts until it expires.
    expirySkew: 0,
    refresh: ({ refreshToken }) => send(refreshToken),
  });
  try {
    const { accessToken: token, expiresAt } = await shared.getToken();
    return { token, refreshToken: store.get('vercel')?.refreshToken, expiresAt: Math.floor(expiresAt / 1000) };
  } catch (error) {
    if ((error as { code?: string }).code === 'SIGN_IN_REQUIRED') return undefined;
    throw error;
  } finally {
    await shared.close();
    store.close();
  }
}

const [folder = '.'] = process.argv.slice(2);
const path = editPackage(folder, {
  name: 'vercel',
  words: ['async ensureAuthorized()', 'let tokenResponse'],
  code: `{
    const send = async (refresh_token) => {
      const [error, tokens] = await processTokenResponse(await refreshTokenRequest({ refresh_token }));
      if (error) throw error;
      return tokens;
    };
    const fresh = !authConfig.tokenSource && await refreshForAll(join(this.getGlobalPathConfig(), 'auth.json'), send);
    if (fresh) return this.updateAuthConfig(fresh);
  }`,
  declared: refreshForAll,
});
console.log(`edited ${path}`);
