/** Gets a token in a worker thread. Posts `refreshing` at a refresh, then the token. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedToken } from 'shared-token';
import { openFileTokenStore } from 'token-store-file';

const { path, refreshes, hangs } = workerData as { path: string; refreshes: SharedArrayBuffer; hangs: boolean };
const shared = new SharedToken({
  store: openFileTokenStore(path),
  name: 'app',
  async refresh() {
    const number = Atomics.add(new Int32Array(refreshes), 0, 1) + 1;
    parentPort?.postMessage('refreshing');
    await new Promise((resolve) => setTimeout(resolve, hangs ? 60_000 : 50));
    return { access_token: `token-${number}`, refresh_token: `refresh-${number}`, expires_in: 3600 };
  },
});
parentPort?.postMessage((await shared.getToken()).accessToken);
await shared.close();
