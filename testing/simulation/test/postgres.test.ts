import { test } from 'uvu';
import { loadPostgresStore } from '../src/postgres/schedule.ts';
import { testSchedules } from '../src/test-schedules.ts';

testSchedules(loadPostgresStore, { schedules: 100 });
/** It once found a defect that has been mended: a change before the store listened was told 5 s later. */
testSchedules(loadPostgresStore, { firstSeed: 30_222, schedules: 1 });
test.run();
