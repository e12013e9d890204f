// Takes about 2 s.
import { leaseDefects } from '../src/defects/lease-defects.ts';
import { loadPostgresStore } from '../src/postgres/schedule.ts';
import { testDefects } from '../src/test-defects.ts';
import { testSchedules } from '../src/test-schedules.ts';

testSchedules(loadPostgresStore, { schedules: 300 });
/** It once found a defect that has been mended: a change before the store listened was told 5 s later. */
testSchedules(loadPostgresStore, { firstSeed: 30_222, schedules: 1 });
testDefects(
  loadPostgresStore,
  leaseDefects.filter(({ within }) => within <= 20),
);
