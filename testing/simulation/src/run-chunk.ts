/** `node run-chunk.ts FIRST_SEED SCHEDULES CPU_SECONDS [PACKAGE]`: prints the run as JSON. For a person who wants other seeds than those of the tests. */
import { runSchedules } from './run-schedules.ts';
import { loadWorld } from './worlds.ts';

const [firstSeed = 0, schedules = 0, cpuSeconds = 0] = process.argv.slice(2, 5).map(Number);
const world = await loadWorld(process.argv[5]);
console.log(JSON.stringify(await runSchedules(world, { firstSeed, schedules, cpuSeconds })));
