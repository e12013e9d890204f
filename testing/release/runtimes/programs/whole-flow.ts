/**
 * Signs in, refreshes, restarts and signs out with the handler: `program AUTHORITY CLIENT_ID DATABASE`. Prints the address to open, and at
 * the end its results as JSON.
 */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const [authority = '', clientId = '', dbFilepath = ''] = process.argv.slice(2);
const options = { appName: 'runtimes', clientId, authority, dbFilepath, scopes: ['Files.ReadWrite.All'] };
const first = new OneDriveTokenHandler({ ...options, openBrowser: (url) => console.log(`open ${url}`) });
const signedIn = await first.getToken();
const inMemory = await first.getToken();
await first.close();

const second = new OneDriveTokenHandler({ ...options, interactive: false });
const stored = await second.getToken();
const refreshed = await second.getToken({ forceRefresh: true });
const together = await Promise.all(Array.from({ length: 8 }, () => second.getToken({ forceRefresh: true })));
const { signedIn: before } = await second.status();
await second.signOut();
const { signedIn: after } = await second.status();
const failure = await second.getToken().catch((error) => error.code);
await second.close();
console.log(
  JSON.stringify({
    same: signedIn === inMemory && signedIn === stored,
    isNew: refreshed !== stored,
    shared: new Set(together).size,
    signedIn: [before, after],
    failure,
  }),
);
