/** Refreshes until it is killed: `node refresh-forever.ts JSON`. Prints `ready` each time it has a token. */
import { SharedToken } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';
import { createRefresh } from '../examples/fetch.ts';

const { tokenEndpoint, clientId, file, name } = JSON.parse(process.argv[2] ?? '');
const store = openTokenStore(file);
const shared = new SharedToken({ store, name, clientId, refresh: createRefresh(tokenEndpoint, clientId) });
for (;;) {
  await shared.getToken({ forceRefresh: true });
  console.log('ready');
}
