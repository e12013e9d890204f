/**
 * take-turns.ts PATH ROUNDS MILLISECONDS [TURNS]: acquires the lock again and again, until that many rounds are done or that
 * time is over. Prints the numbers of its turns; the turns of all processes are counted in the file PATH.turns. Fails
 * if another process holds the lock at the same time. With TURNS, prints `ready` first, waits for the file PATH.go, and
 * ends when all processes together have had so many turns.
 */
import { appendFileSync, closeSync, existsSync, openSync, statSync, unlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openTokenStore } from '../../src/index.ts';

const [path = '', rounds, milliseconds, allTurns] = process.argv.slice(2);
using store = openTokenStore(path);
if (allTurns) {
  console.log('ready');
  while (!existsSync(`${path}.go`)) await delay(5);
}
const end = performance.now() + Number(milliseconds);
const turns: number[] = [];
const isOver = (): boolean =>
  turns.length >= Number(rounds) || performance.now() >= end || (turns.at(-1) ?? 0) >= Number(allTurns ?? Infinity);
while (!isOver()) {
  await store.exclusively('app', async () => {
    // Exclusive creation fails if the file exists: then another process holds the lock as well.
    closeSync(openSync(`${path}.inside`, 'wx'));
    appendFileSync(`${path}.turns`, '.');
    turns.push(statSync(`${path}.turns`).size);
    await delay(Math.random() * 4);
    unlinkSync(`${path}.inside`);
  });
}
console.log(JSON.stringify(turns));
