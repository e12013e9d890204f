import { OneDriveTokenHandler, type TokenRecord, type TokenStore } from 'onedrive-token-handler';
import { runProgram, scopes } from './run-program.ts';
import { TokenFile } from './token-file.ts';

/** The handler with a store like that of the peers: it overwrites a file, does not wait for the disk, and does not lock. */
await runProgram(({ authority, clientId, folder }) => {
  let handler: OneDriveTokenHandler | undefined;
  let open: (url: string) => void;
  return {
    async signIn(openBrowser) {
      open = openBrowser;
      const store = storeIn(new TokenFile<TokenRecord>(folder, 'handler-plain-file'));
      const options = { appName: 'onedrive-token', clientId, scopes, authority, store };
      handler ??= new OneDriveTokenHandler({ ...options, openBrowser: (url) => open(url) });
      await handler.signIn();
      return handler.getToken();
    },
  };
});

function storeIn(file: TokenFile<TokenRecord>): TokenStore {
  return {
    get: () => file.read().catch(() => undefined),
    set: (_, record) => file.write(record),
    async replace(_, previous, record) {
      if ((await this.get(_))?.refreshToken !== previous) return false;
      await file.write(record);
      return true;
    },
    delete: () => false,
    list: () => [],
    exclusively: (_, task) => task({ signal: new AbortController().signal }),
  };
}
