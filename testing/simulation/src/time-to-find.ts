/**
 * How many schedules it takes until the simulation finds each defect: `node src/time-to-find.ts [--seed N] [--starts 20] [PART…]` counts
 * from `starts` seeds that lie far apart, and writes the median, the worst and `starts` into defects/time-to-find.json. PART is a part of
 * a defect's name: only such are measured again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defects } from './defects/all-defects.ts';
import { leaseDefects } from './defects/lease-defects.ts';
import { loadPostgresStore } from './postgres/schedule.ts';
import { runSchedules } from './run-schedules.ts';
import { loadSharedToken } from './schedule.ts';

/** What is not found within so many counts as not found: null. */
const limit = 20_000;
const betweenStarts = 100_000;
const planted = [
  ...defects.map((defect) => ({ ...defect, load: loadSharedToken })),
  ...leaseDefects.map((defect) => ({ ...defect, load: loadPostgresStore })),
];
const file = join(import.meta.dirname, 'defects/time-to-find.json');

const options = { seed: { type: 'string', default: '3000000' }, starts: { type: 'string', default: '20' } } as const;
const { values, positionals: parts } = parseArgs({ options, allowPositionals: true });
const [firstSeed, starts] = [Number(values.seed), Number(values.starts)];
const known: Record<string, readonly unknown[]> = JSON.parse(readFileSync(file, 'utf8'));

for (const { name, patches, load } of planted) {
  if (parts.length > 0 && !parts.some((part) => name.includes(part))) continue;
  const world = await load(patches);
  const counts: number[] = [];
  for (let start = 0; start < starts; start++) {
    const from = firstSeed + start * betweenStarts;
    const run = await runSchedules(world, { firstSeed: from, schedules: limit, isShown: false });
    counts.push(run.found ? run.schedules : Number.POSITIVE_INFINITY);
  }
  counts.sort((one, other) => one - other);
  known[name] = [counts[starts >> 1], counts.at(-1), starts].map((count) =>
    count === Number.POSITIVE_INFINITY ? null : count,
  );
  console.log(name, known[name]);
  const rows = planted.flatMap(({ name }) =>
    known[name] ? [`  ${JSON.stringify(name)}: [${known[name].map(String).join(', ')}]`] : [],
  );
  writeFileSync(file, `{\n${rows.join(',\n')}\n}\n`);
}
