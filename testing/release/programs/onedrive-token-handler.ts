/** Gets a token: `node program AUTHORITY CLIENT_ID`. Prints the address to open. */
import { OneDriveTokenHandler, type SignInStatus } from 'onedrive-token-handler';

const [authority = '', clientId = ''] = process.argv.slice(2);
// Node 22 has no `await using`.
const handler = new OneDriveTokenHandler({
  appName: 'rehearsal',
  clientId,
  authority,
  scopes: ['Files.ReadWrite.All'],
  openBrowser: (url) => console.log(`open ${url}`),
});
const token: string = await handler.getToken();
const { signedIn }: SignInStatus = await handler.status();
console.log(signedIn ? `token ${token}` : 'not signed in');
await handler.close();
