/**
 * Refreshes until it is killed: `node refresh-forever.ts OPTIONS [TOLD]`. Prints `ready` each time it has a token. With TOLD, it refreshes
 * once, and then only from a line `go` on stdin to a line `wait`.
 */
import { flushCompileCache } from 'node:module';
import { OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler(JSON.parse(process.argv[2] ?? '{}'));
let turns = Promise.withResolvers<void>();
if (process.argv[3] === undefined) turns.resolve();
else {
  // One line at a time comes, with milliseconds between them.
  process.stdin.setEncoding('utf8').on('data', (line: string) => {
    if (line === 'go\n') turns.resolve();
    else turns = Promise.withResolvers();
  });
}
for (let isFirst = true; ; isFirst = false) {
  await handler.getToken({ forceRefresh: true });
  // Node does it at the exit, which a killed process does not reach.
  if (isFirst) flushCompileCache();
  console.log('ready');
  await turns.promise;
}
