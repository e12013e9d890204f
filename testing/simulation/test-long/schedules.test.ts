// Takes about 22 s.
import { test } from 'uvu';
import { loadSharedToken } from '../src/schedule.ts';
import { testSchedules } from '../src/test-schedules.ts';

/** `SIMULATION_SECONDS=200` looks as far as a release wants it; the same schedules every time prove little. */
const cpuSeconds = Number(process.env.SIMULATION_SECONDS ?? 20);
testSchedules(loadSharedToken, { firstSeed: 1_001, schedules: 1_000_000, cpuSeconds, least: 5_000 });
test.run();
