/** no-native-code.ts NEW EMPTY: opens one file and inspects the other, where native code does not load. Prints both reasons. */
import { inspectTokenStore, openTokenStore } from '../../src/index.ts';

process.dlopen = () => {
  throw Object.assign(new Error('for another system'), { code: 'ERR_DLOPEN_FAILED' });
};
const [path = '', empty = ''] = process.argv.slice(2);
try {
  openTokenStore(path);
} catch (error) {
  console.log(Object(error).reason);
}
console.log(inspectTokenStore(empty).error?.reason);
