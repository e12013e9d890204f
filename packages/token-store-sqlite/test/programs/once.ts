/**
 * once.ts ACTION PATH [WAIT]: does one thing that must be done completely or not at all. With WAIT, when it has loaded
 * everything, it prints `ready`, and waits for a line on stdin.
 */
import { readSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
// As it was built: it is started hundreds of times, and src/ has many files to load.
import { openTokenStore } from 'token-store-sqlite';

const [action = '', path = '', waits] = process.argv.slice(2);
const [key, otherKey] = [Buffer.alloc(32, 'k'), Buffer.alloc(32, 'o')];
flushCompileCache();
if (waits) {
  writeSync(1, 'ready\n');
  readSync(0, Buffer.alloc(1));
}
switch (action) {
  case 'create':
    openTokenStore(path).set('app', { refreshToken: 'new' });
    break;
  case 'extend':
    openTokenStore(path);
    break;
  case 'encrypt':
    openTokenStore(path).rekey(key);
    break;
  case 'change the key':
    openTokenStore(path, { key }).rekey(otherKey);
    break;
  case 'decrypt':
    openTokenStore(path, { key }).rekey(undefined);
    break;
  case 'lock':
    await openTokenStore(path).exclusively('app', async () => {});
    break;
  default:
    throw new Error(`no action ${action}`);
}
