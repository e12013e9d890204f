/**
 * Refreshes once, and then, from a line `go` on stdin to a line `wait`, again and again, until it is killed: `node refresh-forever.ts JSON`.
 * Prints `ready` each time it has a token.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { flushCompileCache } from 'node:module';
import { createInterface } from 'node:readline';
import { SharedToken, type TokenResponse } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';

const { tokenEndpoint, clientId, file, name } = JSON.parse(process.argv[2] ?? '');
const store = openTokenStore(file);
const shared = new SharedToken({
  store,
  name,
  clientId,
  refresh: ({ refreshToken }, { signal }) => refresh(refreshToken, signal),
});
let turns = Promise.withResolvers<void>();
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'go') turns.resolve();
  else turns = Promise.withResolvers();
});
for (;;) {
  await shared.getToken({ forceRefresh: true });
  // Node does it at the exit, which a killed process does not reach.
  flushCompileCache();
  console.log('ready');
  await turns.promise;
}

/** Without `fetch`, which takes longer to load than all the rest of this program. */
async function refresh(refreshToken: string, signal: AbortSignal): Promise<TokenResponse> {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const sent = request(tokenEndpoint, { method: 'POST', headers, signal }).end(form.toString());
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const answer = JSON.parse(text);
  if (response.statusCode === 200) return answer;
  throw Object.assign(new Error(`the provider answered ${response.statusCode}`), answer);
}
