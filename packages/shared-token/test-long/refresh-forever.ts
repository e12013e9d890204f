/**
 * Refreshes once, and then, from a line `go` on stdin to a line `wait`, again and again, until it is killed: `node refresh-forever.ts JSON`.
 * Prints `ready` each time it has a token.
 */
import { flushCompileCache } from 'node:module';
import { connect } from 'node:net';
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
// One line at a time comes, with milliseconds between them.
process.stdin.setEncoding('utf8').on('data', (line: string) => {
  if (line === 'go\n') turns.resolve();
  else turns = Promise.withResolvers();
});
for (;;) {
  await shared.getToken({ forceRefresh: true });
  // Node does it at the exit, which a killed process does not reach.
  flushCompileCache();
  console.log('ready');
  await turns.promise;
}

/** Without `fetch` and `node:http`, which take longer to load and to start than all the rest of this program. */
async function refresh(refreshToken: string, signal: AbortSignal): Promise<TokenResponse> {
  const { hostname, port, pathname } = new URL(tokenEndpoint);
  const form = `${new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken })}`;
  const socket = connect({ host: hostname, port: Number(port), signal });
  // HTTP/1.0: the answer is in one piece, and ends with the connection.
  const head = [`POST ${pathname} HTTP/1.0`, `Host: ${hostname}`, 'Content-Type: application/x-www-form-urlencoded'];
  socket.write([...head, `Content-Length: ${form.length}`, '', form].join('\r\n'));
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  const [, status, body = ''] = /^HTTP\/1\.1 (\d+) .*?\r\n\r\n(.*)$/s.exec(text) ?? [];
  const answer = JSON.parse(body);
  if (status === '200') return answer;
  throw Object.assign(new Error(`the provider answered ${status}`), answer);
}
