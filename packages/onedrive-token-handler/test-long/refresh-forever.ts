/**
 * Refreshes until it is killed: `node refresh-forever.ts OPTIONS`. Says `ready`, then a line for each token it got.
 */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler(JSON.parse(process.argv[2] ?? '{}'));
console.log('ready');
for (;;) {
  await handler.getToken({ forceRefresh: true });
  process.stdout.write('token\n');
}
