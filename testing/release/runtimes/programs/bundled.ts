/** Stores a token and prints it: `program DATABASE`. A bundler makes one file of it, beside which is nothing of the packages. */
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { openTokenStore } from 'token-store-sqlite';

async function storeAndRead(dbFilepath: string): Promise<string> {
  const store = openTokenStore(dbFilepath);
  store.set('bundled', { refreshToken: 'one', accessToken: 'the-token', expiresAt: Date.now() + 3_600_000 });
  store.close();
  const handler = new OneDriveTokenHandler({
    appName: 'bundled',
    clientId: 'any',
    scopes: ['Files.Read'],
    useGrantedScopes: true,
    dbFilepath,
  });
  const token = await handler.getToken({ interactive: false });
  await handler.close();
  return token;
}

console.log('began');
storeAndRead(process.argv[2] ?? '').then(console.log);
