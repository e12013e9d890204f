/**
 * race.ts PATH TRIES: waits for the file PATH.go, then tries TRIES times to replace the current token by the next one.
 * Prints which tokens it replaced.
 */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openTokenStore } from '../../src/index.ts';

const [path = '', tries] = process.argv.slice(2);
using store = openTokenStore(path);
while (!existsSync(`${path}.go`)) await delay(5);
const replaced: number[] = [];
for (let attempt = 0; attempt < Number(tries); attempt++) {
  const current = store.get('app')?.refreshToken ?? '';
  const number = Number(current.split(' ')[0]);
  if (store.replace('app', current, { refreshToken: `${number + 1} by ${process.pid}` })) replaced.push(number);
}
console.log(JSON.stringify(replaced));
