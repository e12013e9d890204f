/**
 * Shows what happens in one schedule: `node src/replay.ts SCHEDULE [PACKAGE] [--whole]`. If it breaks a promise, it is made smaller first; `--whole`
 * shows it as it was.
 */
import { parseArgs } from 'node:util';
import { parseWay } from './guide.ts';
import { report } from './report.ts';
import { runSchedule } from './run-schedule.ts';
import { shrink } from './shrink.ts';
import { loadWorld } from './worlds.ts';

const { values, positionals } = parseArgs({ options: { whole: { type: 'boolean' } }, allowPositionals: true });
const way = parseWay(positionals[0]);
const world = await loadWorld(positionals[1]);
const result = values.whole ? await runSchedule(world, { ...way, isKept: true }) : await shrink(world, way);
console.log(report(world, way, result));
process.exitCode = result.failure === undefined ? 0 : 1;
