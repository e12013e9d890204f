import { OneDriveTokenHandler, type OneDriveTokenHandlerOptions } from 'onedrive-token-handler';
import { runProgram, type Situation, scopes } from './run-program.ts';

await runProgram((situation) => {
  const options = { ...optionsOf(situation), interactive: false };
  let kept: OneDriveTokenHandler | undefined;
  let interactive: OneDriveTokenHandler | undefined;
  let open: (url: string) => void;
  return {
    async prepare() {
      kept = new OneDriveTokenHandler(options);
      await kept.status();
    },
    async token() {
      if (kept) return await kept.getToken();
      await using handler = new OneDriveTokenHandler(options);
      return await handler.getToken();
    },
    async signIn(openBrowser) {
      open = openBrowser;
      interactive ??= new OneDriveTokenHandler({ ...optionsOf(situation), openBrowser: (url) => open(url) });
      await interactive.signIn();
      return interactive.getToken();
    },
  };
});

function optionsOf({ authority, clientId, folder }: Situation): OneDriveTokenHandlerOptions {
  return { appName: 'onedrive-token', clientId, scopes, authority, dbFilepath: `${folder}/tokens.db` };
}
