/** `node run-chunk.ts FIRST_SEED SCHEDULES CPU_SECONDS`: prints the run as JSON. For a person who wants other seeds than those of the tests. */
import { loadPackage } from './machine/load-package.ts';
import { runSchedules } from './run-schedules.ts';
import type { Subject } from './schedule.ts';

const [firstSeed = 0, schedules = 0, cpuSeconds = 0] = process.argv.slice(2).map(Number);
const subject = (await loadPackage<Subject>('shared-token'))();
console.log(JSON.stringify(await runSchedules(subject, { firstSeed, schedules, cpuSeconds })));
