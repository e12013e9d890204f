/**
 * Lets the wrangler that is installed in FOLDER take its token through shared-token: `node wrangler.ts FOLDER`
 *
 * Install wrangler, shared-token and token-store-file there. Its file, `default.toml`, keeps its name, its format and all other fields,
 * so an unedited wrangler can use it as well. Tokens in a keychain stay with wrangler's own way.
 */
import { editPackage } from './edit-package.ts';

/** What wrangler's own request for a token resolves with. */
interface Access {
  readonly token: { readonly value: string; readonly expiry: string };
  readonly refreshToken?: { readonly value: string };
}

/** Refreshes the token in the file at `path`, unless another process has. `send` sends wrangler's own request. */
async function refreshForAll(path: string, send: (refreshToken: string) => Promise<Access>): Promise<string> {
  const { SharedToken } = await import('shared-token');
  const { openFileTokenStore } = await import('token-store-file');
  const line = (field: string): RegExp => new RegExp(`^(${field} = )(".*")$`, 'm');
  const read = (text: string, field: string): string => JSON.parse(line(field).exec(text)?.[2] ?? '""');
  const store = openFileTokenStore(path, {
    parse(text): Record<string, { refreshToken: string; accessToken: string; expiresAt: number }> {
      const refreshToken = read(text, 'refresh_token');
      const expiresAt = Date.parse(read(text, 'expiration_time')) || 0;
      return refreshToken ? { wrangler: { refreshToken, accessToken: read(text, 'oauth_token'), expiresAt } } : {};
    },
    format({ wrangler }, before = '') {
      const fields = {
        oauth_token: wrangler?.accessToken,
        refresh_token: wrangler?.refreshToken,
        expiration_time: new Date(wrangler?.expiresAt ?? 0).toISOString(),
      };
      return Object.entries(fields).reduce(
        (text, [field, value]) => text.replace(line(field), (_, name) => name + JSON.stringify(value)),
        before,
      );
    },
  });
  const shared = new SharedToken({
    store,
    name: 'wrangler',
    // As wrangler: a token counts until it expires.
    expirySkew: 0,
    async refresh({ refreshToken }) {
      const { token, refreshToken: next } = await send(refreshToken);
      const expires_in = Math.round((Date.parse(token.expiry) - Date.now()) / 1000);
      return { access_token: token.value, expires_in, refresh_token: next?.value };
    },
  });
  try {
    await shared.getToken();
    return 'refreshed';
  } finally {
    await shared.close();
    store.close();
  }
}

const [folder = '.'] = process.argv.slice(2);
const path = editPackage(folder, {
  name: 'wrangler',
  words: ['async function refreshToken(', 'const {'],
  code: `if (storage.path().endsWith('.toml')) return await refreshForAll(storage.path(), (value) =>
        exchangeRefreshTokenForAccessToken(ctx.logger, ctx.isNonInteractiveOrCI, getClientId(), { value }, ctx.cliDisplayName));
      `,
  declared: refreshForAll,
});
console.log(`edited ${path}`);
