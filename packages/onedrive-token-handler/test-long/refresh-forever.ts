/** Refreshes until it is killed: `node refresh-forever.ts OPTIONS`. Says `ready` after the first time. */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler(JSON.parse(process.argv[2] ?? '{}'));
for (let count = 0; ; count++) {
  await handler.getToken({ forceRefresh: true });
  if (count === 0) console.log('ready');
}
