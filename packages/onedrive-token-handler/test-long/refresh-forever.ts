/** Refreshes until it is killed: `node refresh-forever.ts OPTIONS`. Prints `ready` each time it has a token. */
import { flushCompileCache } from 'node:module';
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler(JSON.parse(process.argv[2] ?? '{}'));
for (let isFirst = true; ; isFirst = false) {
  await handler.getToken({ forceRefresh: true });
  // Node does it at the exit, which a killed process does not reach.
  if (isFirst) flushCompileCache();
  console.log('ready');
}
