import type { TokenStore } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';
import { moveTokens } from '../src/index.ts';

// Moves `my-app` from one file to another, and kills this process after so many writes.
const [from = '', to = '', writes = ''] = process.argv.slice(2);
let left = Number(writes);

function killAfterWrites(path: string): TokenStore {
  const store = openTokenStore(path);
  const counted = <T>(write: () => T): T => {
    if (left-- === 0) process.kill(process.pid, 'SIGKILL');
    return write();
  };
  return {
    get: (name) => store.get(name),
    list: () => store.list(),
    exclusively: (name, task, options) => store.exclusively(name, task, options),
    set: (name, record) => counted(() => store.set(name, record)),
    replace: (name, previous, record) => counted(() => store.replace(name, previous, record)),
    delete: (name) => counted(() => store.delete(name)),
  };
}

console.log(await moveTokens('my-app', { from: { store: killAfterWrites(from) }, to: { store: killAfterWrites(to) } }));
