/**
 * One process that wants a token and stops for good at MOMENT, so that it can be killed there: `node stopping-process.ts
 * OPTIONS MOMENT`. It says `ready` when it has stopped. MOMENT is the type of an event, `write` (new tokens have come and
 * are about to be written), `written` (they are on disk, and no caller has them yet), or `never` (it says `ready` at the
 * start, and goes on). OPTIONS is the handler's as JSON, with `dbFilepath`. For a browser window it prints `{window: url}`
 * and leaves the rest to the process that reads it.
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
  // The whole thread stands still, in the middle of whatever it does.
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
