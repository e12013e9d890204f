/** write-forever.ts PATH NUMBER [KEY]: makes the planned writes from NUMBER on. Prints a line before and after each. */
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
// As it was built: it is started a thousand times, and src/ has many files to load.
import { openTokenStore } from 'token-store-sqlite';
import { plannedWrite } from './write-plan.ts';

const [path = '', first, key] = process.argv.slice(2);
const store = openTokenStore(path, key ? { key: Buffer.alloc(32, key) } : {});
flushCompileCache(); // Node does it at the exit, which a killed process does not reach.
for (let number = Number(first); ; number++) {
  const { name, kind, record } = plannedWrite(number);
  writeSync(1, `begin ${number}\n`);
  if (!record) store.delete(name);
  else if (kind === 'set') store.set(name, record);
  else if (!store.replace(name, store.get(name)?.refreshToken, record)) throw new Error('another program has written');
  writeSync(1, `done ${number}\n`);
}
