import { PublicClientApplication } from '@azure/msal-node';
import type { Authority } from 'testing-authority';
import { microsoft, networkClientFor } from 'testing-authority/msal-network-client';
import { msalCacheIn } from './msal-cache.ts';
import { runProgram, scopes } from './run-program.ts';

await runProgram(({ origin, clientId, folder }) => {
  const app = new PublicClientApplication({
    auth: { clientId, authority: `${microsoft}/consumers` },
    cache: { cachePlugin: msalCacheIn(`${folder}/msal.json`) },
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
