/** Gets a token as a program of one's own would: `node program AUTHORITY CLIENT_ID`. Prints the address to open. */
import { OneDriveTokenHandler, type SignInStatus } from 'onedrive-token-handler';

const [authority = '', clientId = ''] = process.argv.slice(2);
// Not `await using`, which Node 22 cannot read.
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
