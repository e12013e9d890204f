/**
 * A process that needs tokens: `node get-token-process.ts OPTIONS CALLS`. OPTIONS are the handler's, as JSON. It makes CALLS calls
 * at once, and prints one line of JSON for each: `{token}` or `{code}`. If it has to open a browser, it prints `{window: true}` and
 * signs in with the scripted browser.
 */
import { OneDriveTokenError, OneDriveTokenHandler } from 'onedrive-token-handler';

const [options = '{}', calls = '1'] = process.argv.slice(2);
const say = (outcome: object): void => console.log(JSON.stringify(outcome));
const handler = new OneDriveTokenHandler({
  openBrowser: async (url) => {
    say({ window: true });
    const { signInAs } = await import('testing-authority');
    return signInAs(url);
  },
  ...JSON.parse(options),
});
await Promise.all(
  Array.from({ length: Number(calls) }, () =>
    handler.getToken().then(
      (token) => say({ token }),
      (error: unknown) => say({ code: error instanceof OneDriveTokenError ? error.code : String(error) }),
    ),
  ),
);
