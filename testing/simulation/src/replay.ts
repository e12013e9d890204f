/**
 * Shows what happens in one schedule: `node src/replay.ts SEED [PACKAGE] [--whole]`. If it breaks a promise, it is made smaller first; `--whole`
 * shows it as it was.
 */
import { parseArgs } from 'node:util';
import { report } from './report.ts';
import { runSchedule } from './run-schedule.ts';
import { shrink } from './shrink.ts';
import { loadWorld } from './worlds.ts';

const { values, positionals } = parseArgs({ options: { whole: { type: 'boolean' } }, allowPositionals: true });
const seed = Number(positionals[0]);
if (!Number.isInteger(seed)) throw new Error('usage: node src/replay.ts SEED [PACKAGE] [--whole]');
const world = await loadWorld(positionals[1]);
const result = values.whole ? await runSchedule(world, { seed, isKept: true }) : await shrink(world, seed);
console.log(report(world, seed, result));
process.exitCode = result.failure === undefined ? 0 : 1;
