// Takes about 10 s.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomFrom } from 'testing-authority/random-from';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileTokenStore } from '../src/index.ts';
import { startProgram } from '../test/start-program.ts';

/** A writer is killed within this time after its first write has begun. It is enough for several writes. */
const killWithinMs = 40;
const writers = 3;

// Each run kills at other moments. `KILLS=1000` looks longer.
const kills = Number(process.env.KILLS ?? 80);
const seed = Number(process.env.SEED ?? Date.now() % 1e6);
const random = randomFrom(seed);

test(`${kills} kills of ${writers} processes that write one file (seed ${seed}): it is whole, and no write is lost`, async () => {
  const path = join(temporaryDirectory(), 'tokens.json');
  let left = kills;
  let underWay = 0;
  /** Kills writers of one name, one after the other. `next` is the first number that is not yet written. */
  const killAll = async (name: string): Promise<void> => {
    for (let next = 1; left-- > 0; ) {
      const writer = startProgram('count-forever', [path, name, next]);
      const first = await writer.line();
      await delay(random() * killWithinMs);
      writer.kill('SIGKILL');
      const { output, signal } = await writer.ended;
      assert.is(signal, 'SIGKILL', output);
      const [, word, number] = /(\w+) (\d+)\n*$/.exec(`${first}\n${output}`) ?? [];
      if (word === 'begin') underWay++;
      // A damaged file is STORE_CORRUPT here.
      using store = openFileTokenStore(path);
      const found = Number(store.get(name)?.refreshToken ?? 0);
      const told = Number(number);
      assert.ok(
        found === told || (word === 'begin' && found === told - 1),
        `${name}: ${word} ${told}, stored ${found}`,
      );
      next = found + 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, index) => killAll(`app${index}`)));
  assert.ok(underWay > kills * 0.3, `only ${underWay} kills met a write`);
  using store = openFileTokenStore(path);
  await store.set('last', { refreshToken: 'x' });
  assert.equal(readdirSync(dirname(path)), ['tokens.json'], 'the last write removes what the killed ones have left');
  assert.match(readFileSync(path, 'utf8'), '"last"');
  console.log(`\nmeasured: ${underWay} of ${kills} kills met a write`);
});

test.run();
