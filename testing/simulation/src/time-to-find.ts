/**
 * How many schedules it takes until the simulation finds each defect: `node src/time-to-find.ts [--seed N] [--starts 20] [PART…]` counts
 * from `starts` seeds that lie far apart, and writes the median and the worst to time-to-find.md. With PART, a part of a defect's name,
 * it measures those again and keeps the other rows.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defects } from './defects/all-defects.ts';
import { leaseDefects } from './defects/lease-defects.ts';
import { loadPostgresStore } from './postgres/schedule.ts';
import { runSchedules } from './run-schedules.ts';
import { loadSharedToken } from './schedule.ts';

/** What is not found within so many counts as not found. */
const limit = 20_000;
const betweenStarts = 100_000;
const planted = [
  ...defects.map((defect) => ({ ...defect, load: loadSharedToken })),
  ...leaseDefects.map((defect) => ({ ...defect, load: loadPostgresStore })),
];
const file = join(import.meta.dirname, '../time-to-find.md');

/** For each start, how many schedules it took; Infinity if it was not found. */
async function measure(
  { patches, load }: (typeof planted)[number],
  firstSeed: number,
  starts: number,
): Promise<number[]> {
  const world = await load(patches);
  const counts: number[] = [];
  for (let start = 0; start < starts; start++) {
    const from = firstSeed + start * betweenStarts;
    const run = await runSchedules(world, { firstSeed: from, schedules: limit, isShown: false });
    counts.push(run.found ? run.schedules : Number.POSITIVE_INFINITY);
  }
  return counts.sort((one, other) => one - other);
}

const told = (count: number): string => (count === Number.POSITIVE_INFINITY ? `> ${limit}` : String(count));

const options = { seed: { type: 'string', default: '3000000' }, starts: { type: 'string', default: '20' } } as const;
const { values, positionals: parts } = parseArgs({ options, allowPositionals: true });
const starts = Number(values.starts);
const rows = new Map<string, string>();
for (const [row, name = ''] of readFileSync(file, 'utf8').matchAll(/^\| [\d>]+.*\| (.+) \|$/gm)) rows.set(name, row);
const written = (): string =>
  [
    '# Time to find',
    '',
    `Schedules until a planted defect is found: the median and the worst of ${starts} runs, from seed ${values.seed} on.`,
    'Written by `node src/time-to-find.ts`.',
    '',
    '| median | worst | a package that |',
    '| --- | --- | --- |',
    ...planted.map(({ name }) => rows.get(name) ?? `| – | not measured | ${name} |`),
    '',
  ].join('\n');
for (const defect of planted) {
  if (parts.length > 0 && !parts.some((part) => defect.name.includes(part))) continue;
  const counts = await measure(defect, Number(values.seed), starts);
  const [median = 0, worst = 0] = [counts[starts >> 1], counts.at(-1)];
  rows.set(defect.name, `| ${told(median)} | ${told(worst)} | ${defect.name} |`);
  console.log(rows.get(defect.name));
  writeFileSync(file, written());
}
