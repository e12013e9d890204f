/** give-up.ts PATH NAME TIMES: waits for the lock so often, for a moment each, and then not at all. Prints which errors came. */
import { openFileTokenStore, type TokenStoreError } from '../../src/index.ts';

const [path = '', name = '', times] = process.argv.slice(2);
using store = openFileTokenStore(path);
const codes = new Set<string>();
for (let left = Number(times); left >= 0; left--) {
  await store
    .exclusively(name, async () => {}, { timeout: left === 0 ? 0 : 5 })
    .catch(({ code }: TokenStoreError) => codes.add(code));
}
console.log([...codes].join(' '));
