/** Reads the drive with the Microsoft Graph SDK, which sends tokens only over https: `node graph-sdk-process.ts OPTIONS ORIGIN`. */
// The SDK's types use types of the browser.
/// <reference lib="dom" />
import { type AuthenticationProvider, Client } from '@microsoft/microsoft-graph-client';
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const [options = '{}', origin = ''] = process.argv.slice(2);
const authProvider: AuthenticationProvider = new OneDriveTokenHandler(JSON.parse(options));
const client = Client.initWithMiddleware({
  authProvider,
  baseUrl: `${origin}/`,
  customHosts: new Set([new URL(origin).hostname]),
});
const drive = await client.api('/me/drive').get();
console.log(drive.driveType);
