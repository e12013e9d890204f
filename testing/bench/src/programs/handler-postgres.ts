import { OneDriveTokenHandler, type OneDriveTokenHandlerOptions } from 'onedrive-token-handler';
import { openPostgresTokenStore } from 'token-store-postgres';
import { runProgram, scopes } from './run-program.ts';

await runProgram(({ authority, clientId, connectionString = '' }) => {
  let kept: OneDriveTokenHandler | undefined;
  const open = async (options: Partial<OneDriveTokenHandlerOptions>): Promise<OneDriveTokenHandler> => {
    const store = await openPostgresTokenStore({ connectionString });
    return new OneDriveTokenHandler({ appName: 'onedrive-token', clientId, scopes, authority, store, ...options });
  };
  return {
    async prepare() {
      kept = await open({ interactive: false });
      await kept.status();
    },
    async token() {
      kept ??= await open({ interactive: false });
      return await kept.getToken();
    },
    async signIn(openBrowser) {
      await using handler = await open({ openBrowser });
      await handler.signIn();
      return await handler.getToken();
    },
  };
});
