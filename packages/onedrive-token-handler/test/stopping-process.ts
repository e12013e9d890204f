/**
 * One process that wants a token and stops for good at MOMENT, so that it can be killed there: `node stopping-process.ts
 * OPTIONS MOMENT`. It says `ready` when it has stopped. MOMENT is the type of an event, `write` (new tokens have come and
 * are about to be written), `written` (they are on disk, and nobody has been told), or `never` (it says `ready` at the
 * start, and goes on). OPTIONS is the handler's as JSON, with `dbFilepath`. For a browser window it prints `{window: url}`
 * and leaves the rest to whoever reads that.
 */
import { writeSync } from 'node:fs';
import { OneDriveTokenHandler, type TokenStore } from 'onedrive-token-handler';
import { openTokenStore } from 'token-store-sqlite';

const [options = '{}', moment = 'never'] = process.argv.slice(2);
const { dbFilepath, ...rest } = JSON.parse(options);

function reach(where: string): void {
  if (where !== moment) return;
  writeSync(1, 'ready\n');
  if (where === 'never') return;
  // The whole thread stands still, in the middle of whatever it does.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function around<T>(write: () => T): T {
  reach('write');
  const result = write();
  reach('written');
  return result;
}

const file: TokenStore = openTokenStore(dbFilepath);
const store: TokenStore = {
  get: (appName) => file.get(appName),
  set: (appName, record) => around(() => file.set(appName, record)),
  replace: (appName, previous, record) => {
    const replace = () => file.replace(appName, previous, record);
    // The other writes are there to prove that the disk can take one.
    return record.refreshToken === previous ? replace() : around(replace);
  },
  delete: (appName) => file.delete(appName),
  list: () => file.list(),
  exclusively: (appName, task, how) => file.exclusively(appName, task, how),
};
const handler = new OneDriveTokenHandler({
  ...rest,
  store,
  openBrowser: (window) => console.log(JSON.stringify({ window })),
  onEvent: ({ type }) => reach(type),
});
reach('never');
await handler.getToken();
console.log('got a token');
