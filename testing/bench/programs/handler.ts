import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { runProgram, scopes } from './run-program.ts';

await runProgram(({ authority, clientId, folder }) => {
  const options = { appName: 'onedrive-token', clientId, scopes, authority, dbFilepath: `${folder}/tokens.db` };
  return {
    async token() {
      await using handler = new OneDriveTokenHandler({ ...options, interactive: false });
      return await handler.getToken();
    },
    async signIn(openBrowser) {
      await using handler = new OneDriveTokenHandler({ ...options, openBrowser });
      await handler.signIn();
      return await handler.getToken();
    },
  };
});
