/**
 * take-turns.ts PATH ROUNDS MILLISECONDS: takes the lock so many times, or until so many milliseconds have passed, and prints how
 * long each turn was waited for. Fails where another process is inside at the same time.
 */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openTokenStore } from '../../src/index.ts';

const [path = '', rounds, milliseconds] = process.argv.slice(2);
using store = openTokenStore(path);
const end = performance.now() + Number(milliseconds);
const waits: number[] = [];
while (waits.length < Number(rounds) && performance.now() < end) {
  const asked = performance.now();
  await store.exclusively('app', async () => {
    waits.push(Math.round(performance.now() - asked));
    // Exclusive creation fails where the file exists: nobody else may be here.
    closeSync(openSync(`${path}.inside`, 'wx'));
    await delay(Math.random() * 4);
    unlinkSync(`${path}.inside`);
  });
}
console.log(JSON.stringify(waits));
