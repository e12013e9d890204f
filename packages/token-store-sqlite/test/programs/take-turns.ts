/**
 * take-turns.ts PATH ROUNDS MILLISECONDS: takes the lock so many times, or for so long, and prints the numbers of its turns: the turns
 * of all processes are counted in the file PATH.turns. Fails where another process is inside at the same time.
 */
import { appendFileSync, closeSync, openSync, statSync, unlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openTokenStore } from '../../src/index.ts';

const [path = '', rounds, milliseconds] = process.argv.slice(2);
using store = openTokenStore(path);
const end = performance.now() + Number(milliseconds);
const turns: number[] = [];
while (turns.length < Number(rounds) && performance.now() < end) {
  await store.exclusively('app', async () => {
    // Exclusive creation fails where the file exists: nobody else may be here.
    closeSync(openSync(`${path}.inside`, 'wx'));
    appendFileSync(`${path}.turns`, '.');
    turns.push(statSync(`${path}.turns`).size);
    await delay(Math.random() * 4);
    unlinkSync(`${path}.inside`);
  });
}
console.log(JSON.stringify(turns));
