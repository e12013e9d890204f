/**
 * With the handler, prints a token that it has stored in a file, and one in a database: `program`. A bundler makes one file of it. Without
 * better-sqlite3, which no bundle has, prints why there is no second token.
 */
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { openFileTokenStore } from 'token-store-file';
import { openTokenStore } from 'token-store-sqlite';

async function storeAndRead(open: () => ReturnType<typeof openFileTokenStore | typeof openTokenStore>): Promise<void> {
  const store = open();
  await store.set('bundled', { refreshToken: 'one', accessToken: 'the-token', expiresAt: Date.now() + 3_600_000 });
  const options = { appName: 'bundled', clientId: 'any', scopes: ['Files.Read'], useGrantedScopes: true };
  const handler = new OneDriveTokenHandler({ ...options, store });
  console.log(await handler.getToken({ interactive: false }));
  await handler.close();
  store.close();
}

// CommonJS has no `await` at top level.
async function run(): Promise<void> {
  await storeAndRead(() => openFileTokenStore('tokens.json'));
  await storeAndRead(() => openTokenStore('tokens.db')).catch(({ reason, message }) => console.log(reason, message));
}

console.log('began');
void run();
