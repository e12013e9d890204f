/**
 * A process that needs a token, and stops for ever at MOMENT, so that a test can kill it there: `node stopping-process.ts OPTIONS
 * MOMENT`. It prints `ready` when it has stopped. MOMENT is the type of an event, `write` (before new tokens are written),
 * `written` (they are on disk, and no caller has them yet), or `never` (it prints `ready` at the start, and goes on). OPTIONS are
 * the handler's, as JSON, with `dbFilepath`. If it has to open a browser, it prints `{window: url}` and leaves the rest to the test.
 */
import { writeSync } from 'node:fs';
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { openTokenStore } from 'token-store-sqlite';
import { watchedStore } from './watched-store.ts';

const [options = '{}', moment = 'never'] = process.argv.slice(2);
const { dbFilepath, ...rest } = JSON.parse(options);

function reach(point: string): void {
  if (point !== moment) return;
  writeSync(1, 'ready\n');
  if (point === 'never') return;
  // Stops the whole thread, in the middle of its work.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const store = watchedStore(openTokenStore(dbFilepath), {
  write: () => reach('write'),
  written: () => reach('written'),
});
const handler = new OneDriveTokenHandler({
  ...rest,
  store,
  openBrowser: (window) => console.log(JSON.stringify({ window })),
  onEvent: ({ type }) => reach(type),
});
reach('never');
await handler.getToken();
console.log('got a token');
