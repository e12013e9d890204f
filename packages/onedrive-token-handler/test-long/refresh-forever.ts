/** Refreshes until it is killed: `node refresh-forever.ts OPTIONS`. Prints `ready` each time it has a token. */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler(JSON.parse(process.argv[2] ?? '{}'));
for (;;) {
  await handler.getToken({ forceRefresh: true });
  console.log('ready');
}
