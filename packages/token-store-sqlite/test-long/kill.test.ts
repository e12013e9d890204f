// Takes about 32 s.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { plannedWrite } from '../test/programs/write-plan.ts';
import { startProgram } from '../test/start-program.ts';
import { temporaryDirectory } from '../test/temporary-directory.ts';

/** `KILLS=1000` looks longer. */
const kills = Number(process.env.KILLS ?? 300);
/** A writer is killed within this time after its first write has begun. It is enough for several writes. */
const killWithinMs = 12;

/**
 * Kills writers at random moments, one after the other on one file. Returns how many of them were in the middle of a
 * write.
 */
async function killWriters(kills: number, key: string): Promise<number> {
  const path = join(temporaryDirectory(), 'tokens.db');
  const options = key ? { key: Buffer.alloc(32, key) } : {};
  /** For each name, the number of the write that is stored. */
  const stored = new Map<string, number>();
  let next = 0;
  let underWay = 0;
  for (let kill = 0; kill < kills; kill++) {
    const writer = startProgram('write-forever', [path, next, key]);
    const first = await writer.line();
    await delay(Math.random() * killWithinMs);
    writer.kill('SIGKILL');
    const { output, signal } = await writer.ended;
    assert.is(signal, 'SIGKILL');
    const said = [first, ...output.split('\n')].filter(Boolean);
    let begun: number | undefined;
    for (const line of said) {
      const [word, number] = String(line).split(' ');
      if (word === 'begin') begun = Number(number);
      else {
        stored.set(plannedWrite(Number(number)).name, Number(number));
        begun = undefined;
      }
      next = Number(number) + 1;
    }
    if (begun !== undefined) underWay++;

    const database = new Database(path);
    assert.is(database.pragma('integrity_check', { simple: true }), 'ok');
    database.close();
    using store = openTokenStore(path, options);
    const possible = begun === undefined ? undefined : plannedWrite(begun);
    for (let index = 0; index < 5; index++) {
      const name = `app${index}`;
      const found = store.get(name);
      const before = stored.get(name);
      if (possible?.name === name && same(found, possible.record)) stored.set(name, begun ?? 0);
      else assert.equal(found, before === undefined ? undefined : plannedWrite(before).record, `kill ${kill}, ${name}`);
    }
  }
  return underWay;
}

function same(found: unknown, expected: unknown): boolean {
  return JSON.stringify(found) === JSON.stringify(expected);
}

test(`a writer that is killed at ${kills} random moments leaves the old or the new record, and an undamaged file`, async () => {
  const each = Math.ceil(kills / 3);
  const underWay = await Promise.all([killWriters(each, ''), killWriters(each, ''), killWriters(each, 'k')]);
  const sum = underWay.reduce((total, count) => total + count);
  assert.ok(sum > kills * 0.3, `only ${sum} kills met a write`);
});

test.run();
