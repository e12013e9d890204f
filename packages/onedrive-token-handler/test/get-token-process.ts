/** A process that needs a token: `node get-token-process.ts OPTIONS`. OPTIONS are the handler's, as JSON. Prints `{token}` or `{code}`. */
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler(JSON.parse(process.argv[2] ?? '{}'));
const outcome = await handler.getToken().then(
  (token) => ({ token }),
  ({ code }) => ({ code }),
);
console.log(JSON.stringify(outcome));
