/**
 * Shows what happens in one schedule: `node src/replay.ts SEED [--whole]`. If it breaks a promise, it is made smaller first; `--whole`
 * shows it as it was.
 */
import { parseArgs } from 'node:util';
import { loadPackage } from './machine/load-package.ts';
import { report } from './report.ts';
import { runSchedule } from './run-schedule.ts';
import type { Subject } from './schedule.ts';
import { shrink } from './shrink.ts';

const { values, positionals } = parseArgs({ options: { whole: { type: 'boolean' } }, allowPositionals: true });
const seed = Number(positionals[0]);
if (!Number.isInteger(seed)) throw new Error('usage: node src/replay.ts SEED [--whole]');
const subject = (await loadPackage<Subject>('shared-token'))();
const result = values.whole ? await runSchedule(subject, { seed, isKept: true }) : await shrink(subject, seed);
console.log(report(seed, result));
process.exitCode = result.failure === undefined ? 0 : 1;
