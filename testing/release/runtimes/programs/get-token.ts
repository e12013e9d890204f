/** Gets a token: `program AUTHORITY CLIENT_ID DATABASE [interactive]`. Prints the address to open, if a user is asked, and the token. */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const [authority = '', clientId = '', dbFilepath = '', interactive] = process.argv.slice(2);
const options = { appName: 'runtimes', clientId, authority, dbFilepath, scopes: ['Files.ReadWrite.All'] };
const handler = new OneDriveTokenHandler({
  ...options,
  interactive: interactive !== undefined,
  openBrowser: (url) => console.log(`open ${url}`),
});
console.log(await handler.getToken());
await handler.close();
