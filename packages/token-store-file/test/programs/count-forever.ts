/** count-forever.ts PATH NAME NUMBER: writes NUMBER as the token of NAME, then the next one, for ever. Prints a line before and after each. */
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
// As it was built: it is started a thousand times, and src/ has many files to load.
import { openFileTokenStore } from 'token-store-file';

const [path = '', name = '', first] = process.argv.slice(2);
const store = openFileTokenStore(path);
flushCompileCache(); // Node does it at the exit, which a killed process does not reach.
for (let number = Number(first); ; number++) {
  writeSync(1, `begin ${number}\n`);
  const isCurrent = await store.replace(name, store.get(name)?.refreshToken, { refreshToken: String(number) });
  if (!isCurrent) throw new Error('another process has written this name');
  writeSync(1, `done ${number}\n`);
}
