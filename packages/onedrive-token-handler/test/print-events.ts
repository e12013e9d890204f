/** Gets a token with the browser of the desktop, and prints each event as a line of JSON: `node print-events.ts OPTIONS`. */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const options = JSON.parse(process.argv[2] ?? '{}');
const plain = (_key: string, value: unknown): unknown => (value instanceof Error ? value.message : value);
await new OneDriveTokenHandler({
  ...options,
  onEvent: (event) => console.log(JSON.stringify(event, plain)),
}).getToken();
