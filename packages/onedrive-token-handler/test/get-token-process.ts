/**
 * One process that wants tokens: `node get-token-process.ts OPTIONS CALLS`. OPTIONS is the handler's as JSON; it asks CALLS times
 * at once and prints each outcome, a JSON line each: `{token}` or `{code}`. A browser window is scripted and printed as `{window: true}`.
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
