// Takes about 30 s.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { startProgram } from '../test/start-program.ts';
import { temporaryDirectory } from '../test/temporary-directory.ts';

test('of 16 processes that replace the same token 1,000 times, one wins each time', async () => {
  // In memory, if the system has such a place: 16,000 tries on a disk would mostly wait for it, and the test is about
  // who wins.
  const path = join(temporaryDirectory(existsSync('/dev/shm') ? '/dev/shm' : undefined), 'tokens.db');
  using store = openTokenStore(path);
  store.set('app', { refreshToken: '0 by the test' });
  const racers = Array.from({ length: 16 }, () => startProgram('race', [path, 1_000]));
  writeFileSync(`${path}.go`, '');
  const wins = await Promise.all(racers.map(async ({ ended }) => JSON.parse((await ended).output) as number[]));
  const replaced = wins.flat().sort((a, b) => a - b);
  assert.is(store.get('app')?.refreshToken?.split(' ')[0], String(replaced.length));
  assert.equal(
    replaced,
    replaced.map((_, index) => index),
    'a token was replaced twice, or a replacement was lost',
  );
  assert.ok(replaced.length >= 1_000, `only ${replaced.length} replacements`);
  const losses = 16_000 - replaced.length;
  assert.ok(losses > 100, `only ${losses} tries lost, so this was no race`);
});

test('64 processes read while one writes, and none gets an error or half a record', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  using store = openTokenStore(path);
  const write = (number: number): void =>
    store.set('app', { refreshToken: `r${number}`, accessToken: `access of r${number}` });
  write(0);
  const readers = Array.from({ length: 64 }, () => startProgram('read', [path, 3_000]));
  let reading = true;
  const counts = Promise.all(readers.map(async ({ ended }) => Number((await ended).output)));
  void counts.finally(() => {
    reading = false;
  });
  let writes = 0;
  for (; reading; await new Promise((resolve) => setTimeout(resolve, 1))) write(++writes);
  assert.ok(Math.min(...(await counts)) > 10, `reads: ${await counts}`);
  assert.ok(writes > 5, `only ${writes} writes`);
});

test('of 32 processes that acquire one lock again and again, none starves', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  openTokenStore(path).close();
  const programs = Array.from({ length: 32 }, () => startProgram('take-turns', [path, 1_000_000, 240_000, 30 * 32]));
  // All begin at the same time: the first ones would have more turns until the last ones have started.
  for (const program of programs) assert.is(await program.line(), 'ready');
  writeFileSync(`${path}.go`, '');
  const turns = await Promise.all(programs.map(async ({ ended }) => JSON.parse((await ended).output) as number[]));
  // Counted in turns: milliseconds would depend on the machine. Which of the waiters is the next one is chance.
  const gaps = turns
    .flatMap((own) => own.slice(1).map((turn, index) => turn - (own[index] ?? 0)))
    .sort((a, b) => a - b);
  const [median = 0, widest = 0] = [gaps[Math.floor(gaps.length / 2)], gaps.at(-1)];
  const counts = turns.map((own) => own.length).sort((a, b) => a - b);
  console.log(`each had ${counts[0]} to ${counts.at(-1)} turns, every ${median}th, at the latest every ${widest}th`);
  assert.ok((counts[0] ?? 0) >= 10, `turns: ${counts}`);
  assert.ok(median >= 10, `every ${median}th: some processes had the lock again and again`);
  assert.ok(widest <= 16 * 32, `at the latest every ${widest}th`);
  assert.equal(readdirSync(dirname(path)).sort(), ['tokens.db', 'tokens.db.go', 'tokens.db.turns']);
});

test.run();
