import { readFile, writeFile } from 'node:fs/promises';
import { type ICachePlugin, PublicClientApplication } from '@azure/msal-node';
import type { Authority } from 'testing-authority';
import { microsoft, networkClientFor } from 'testing-authority/msal-network-client';
import { runProgram, scopes } from './run-program.ts';

await runProgram(({ origin, clientId, folder }) => {
  const app = new PublicClientApplication({
    auth: { clientId, authority: `${microsoft}/consumers` },
    cache: { cachePlugin: cacheIn(`${folder}/msal.json`) },
    system: { networkClient: networkClientFor({ origin } as Authority) },
  });
  return {
    async token() {
      const [account] = await app.getTokenCache().getAllAccounts();
      if (!account) throw new Error('no account is signed in');
      return (await app.acquireTokenSilent({ account, scopes })).accessToken;
    },
    async signIn(open) {
      const openBrowser = async (url: string): Promise<void> => open(url.replace(microsoft, origin));
      return (await app.acquireTokenInteractive({ scopes, openBrowser })).accessToken;
    },
  };
});

/** A cache plugin as in Microsoft's documentation of token caching in Node. */
function cacheIn(file: string): ICachePlugin {
  return {
    async beforeCacheAccess({ tokenCache }) {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text !== undefined) tokenCache.deserialize(text);
    },
    async afterCacheAccess({ cacheHasChanged, tokenCache }) {
      if (cacheHasChanged) await writeFile(file, tokenCache.serialize(), { mode: 0o600 });
    },
  };
}
