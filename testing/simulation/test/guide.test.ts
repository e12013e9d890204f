import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { Guide, nameOf, parseWay, type Way } from '../src/guide.ts';
import { loadPostgresStore } from '../src/postgres/schedule.ts';
import { runSchedule } from '../src/run-schedule.ts';
import { loadSharedToken } from '../src/schedule.ts';

for (const load of [loadSharedToken, loadPostgresStore]) {
  test(`a schedule of ${load.name} that goes another way is the same until then, and the same each time`, async () => {
    const world = await load();
    const { trace, seen } = await runSchedule(world, { seed: 77, isKept: true });
    const { step = 0 } = seen[seen.length >> 1] ?? {};
    const way: Way = { seed: 77, branches: [{ step, seed: 5 }] };
    const other = await runSchedule(world, { ...way, isKept: true });
    const at = other.trace.findIndex((line) => line.includes('another way'));
    assert.ok(at > 5, `line ${at}`);
    assert.deepEqual(other.trace.slice(0, at), trace.slice(0, at));
    assert.notDeepEqual(other.trace.slice(at + 1), trace.slice(at));
    const again = await runSchedule(await load(), { ...parseWay(nameOf(way)), isKept: true });
    assert.deepEqual(again.trace, other.trace);
  });
}

test('after some schedules, those that came to a rare state go on from there', () => {
  const guide = new Guide(100);
  const ways: Way[] = [];
  for (let count = 0; count < 2_000; count++) {
    const way = guide.next();
    ways.push(way);
    // Every hundredth seed comes to a state of its own, in step 7.
    const isRare = way.seed % 100 === 0;
    const seen = [{ step: 3, state: 1 }, ...(isRare ? [{ step: 7, state: 1_000 }] : [])];
    guide.learn(way, seen);
  }
  assert.deepEqual(
    ways.slice(0, 1_000).map(nameOf),
    Array.from({ length: 1_000 }, (_, index) => `${100 + index}`),
  );
  const names = ways.map(nameOf);
  assert.equal(new Set(names).size, names.length);
  const branched = ways.filter(({ branches }) => branches.length > 0);
  const seeds = new Set(ways.filter(({ branches }) => branches.length === 0).map(({ seed }) => seed));
  for (const seed of [...seeds].filter((seed) => seed % 100 === 0 && seed > 1_104)) {
    const itsOwn = branched.filter((way) => way.seed === seed && way.branches[0]?.step === 7);
    assert.ok(itsOwn.length >= 8, `${itsOwn.length} of seed ${seed}`);
  }
  assert.ok(ways.every(({ branches }) => branches.length <= 3));
});

test('the name of a schedule is a seed, and steps with the seeds that decide from there on', () => {
  const way: Way = {
    seed: 4711,
    branches: [
      { step: 27, seed: 12 },
      { step: 64, seed: 13 },
    ],
  };
  assert.deepEqual(parseWay(nameOf(way)), way);
  for (const name of ['', '4711/', '4711/27', 'x', '-1'])
    assert.throws(() => parseWay(name), /not the name of a schedule/);
});

test.run();
