/**
 * Signs in until it is killed, each time as another user: `node sign-in-forever.ts OPTIONS`. Prints a line for each browser window,
 * with its address, and one for each sign-in, with the user's name.
 */
import { flushCompileCache } from 'node:module';
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler({
  ...JSON.parse(process.argv[2] ?? '{}'),
  openBrowser: (url) => {
    // Node does it at the exit, which a killed process does not reach.
    flushCompileCache();
    console.log(url);
  },
});
for (let count = 0; ; count++) {
  const { account } = await handler.signIn({ loginHint: `person-${process.pid}-${count}@example.com` });
  console.log(account?.username);
}
