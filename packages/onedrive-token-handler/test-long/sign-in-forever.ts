/**
 * Signs in until it is killed, each time as another person: `node sign-in-forever.ts OPTIONS`. Prints the address for each
 * browser window, and the name of the person who has signed in, a line each.
 */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler({
  ...JSON.parse(process.argv[2] ?? '{}'),
  openBrowser: (url) => console.log(url),
});
for (let count = 0; ; count++) {
  const { account } = await handler.signIn({ loginHint: `person-${process.pid}-${count}@example.com` });
  console.log(account?.username);
}
