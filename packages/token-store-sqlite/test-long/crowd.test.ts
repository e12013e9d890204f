// Takes about 30 s.
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { startProgram } from '../test/start-program.ts';

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
