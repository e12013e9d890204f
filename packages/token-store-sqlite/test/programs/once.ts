/** once.ts ACTION PATH: does one thing that must be done completely or not at all. */
import { flushCompileCache } from 'node:module';
import { openTokenStore } from '../../src/index.ts';
import '../../src/lock/run-exclusively.ts';
import { sealedBy } from '../version-1.ts';

const [action = '', path = ''] = process.argv.slice(2);
const [key, otherKey] = [Buffer.alloc(32, 'k'), Buffer.alloc(32, 'o')];
flushCompileCache();
switch (action) {
  case 'create':
    openTokenStore(path).set('app', { refreshToken: 'new' });
    break;
  case 'migrate':
    openTokenStore(path);
    break;
  case 'migrate with a key':
    openTokenStore(path, { key: sealedBy.bytes.key });
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
