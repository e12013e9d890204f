/**
 * `pnpm bench [--quick] [--out FOLDER]`: measures what the packages cost beside a bare Node and what users would use instead, in one run,
 * and writes the table of docs/benchmarks.md and the picture docs/bench.svg. `--quick` takes a minute and its numbers mean little.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawChart } from './draw-chart.ts';
import { measureMemory, measureSignIns, measureStarts, measureStore, median, raceAtExpiry, ratio } from './measure.ts';
import { Stage } from './stage.ts';
import { buildPrograms, handler, msalNode, peers } from './subjects.ts';

const docs = join(import.meta.dirname, '../../../docs');
const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, out: { type: 'string', default: docs } },
});
const { quick, out } = values;
const rounds = quick ? 2 : 31;
const crowd = quick ? 4 : 64;

await buildPrograms();
await using stage = await Stage.open();
const starts = await measureStarts(stage, rounds);
const signIns = await measureSignIns(stage, Math.ceil(rounds / 2));
const memory = await measureMemory(stage, rounds);
const store = await measureStore(stage, rounds * 5);
const racers = [handler, ...peers];
const winners: number[] = [];
for (const subject of racers) winners.push(await raceAtExpiry(stage, subject, crowd));

const refreshed = `${handler.name}, refreshed`;
const fastest = (times: typeof starts, end: string): string =>
  peers.map(({ name }) => name + end).reduce((a, b) => (median(times[a]) <= median(times[b]) ? a : b));
const bare = ' ÷ `node -e 0`';
const rows: [what: string, goal: string, measured: number][] = [
  [`command, start to a stored token${bare}`, '≤ 1.35', ratio(starts, 'command, stored', 'node')],
  [`command, start to a refreshed token${bare}`, '≤ 3.3', ratio(starts, 'command, refreshed', 'node')],
  [`handler, start to a stored token${bare}`, '≤ 2.3', ratio(starts, `${handler.name}, stored`, 'node')],
  [`handler, start to a refreshed token${bare}`, '≤ 3.1', ratio(starts, refreshed, 'node')],
  ["that of the handler ÷ the fastest peer's", '≤ 0.65', ratio(starts, refreshed, fastest(starts, ', refreshed'))],
  [
    `shared-token with token-store-file, start to a stored token${bare}`,
    '≤ 1.25',
    ratio(starts, 'shared-token, stored', 'node'),
  ],
  [`import of the handler${bare}`, '≤ 1.5', ratio(starts, 'import', 'node')],
  [
    "sign-in with the start of the process ÷ the fastest peer's",
    '≤ 0.8',
    ratio(signIns, handler.name, fastest(signIns, '')),
  ],
  [
    '`acquireTokenSilent()` of msal-node ÷ `getToken()`, both in memory',
    '≥ 50',
    ratio(memory, msalNode.name, handler.name),
  ],
  ['durable `replace` ÷ the same statement in bare better-sqlite3', '≤ 1.1', ratio(store, 'replace', 'bare replace')],
  ['`get` ÷ the same statement in bare better-sqlite3', '≤ 1.2', ratio(store, 'get', 'bare get')],
  [`of ${crowd} processes at expiry, so many get a token`, `${crowd}`, winners[0] ?? 0],
  ...peers.map(({ name }, index): (typeof rows)[number] => [`the same with ${name}`, '–', winners[index + 1] ?? 0]),
];
const lines = rows.map(([what, goal, value]) => `| ${what} | ${goal} | ${digits(value)} |`);
const table = ['|  | goal | measured |', '| --- | ---: | ---: |', ...lines];
console.log(table.join('\n'));

const page = join(out, 'benchmarks.md');
const [before = '', after = ''] = readFileSync(existsSync(page) ? page : join(docs, 'benchmarks.md'), 'utf8').split(
  /<!-- table -->[\s\S]*<!-- end of table -->/,
);
const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`;
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: docs, encoding: 'utf8' }).trim();
const measured = `Measured on ${new Date().toISOString().slice(0, 10)}, commit ${commit}: ${machine}.`;
writeFileSync(page, `${before}<!-- table -->\n${table.join('\n')}\n\n${measured}\n<!-- end of table -->${after}`);
const bars = racers.map(({ name }) => {
  const value = median(starts[`${name}, refreshed`]) / median(starts.node);
  return { label: name, value, text: `${digits(value)} ×`, isOurs: name === handler.name };
});
const title = 'From the start of a process to a refreshed token, beside `node -e 0`'.replaceAll('`', '');
writeFileSync(join(out, 'bench.svg'), drawChart(title, bars));

/** Three digits. */
function digits(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}
