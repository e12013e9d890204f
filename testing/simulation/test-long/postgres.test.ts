// Takes about 30 s.
import { leaseDefects } from '../src/defects/lease-defects.ts';
import { loadPostgresStore } from '../src/postgres/schedule.ts';
import { testDefects } from '../src/test-defects.ts';
import { testSchedules } from '../src/test-schedules.ts';

testSchedules(loadPostgresStore, { firstSeed: 1_001, schedules: 5_000, cpuSeconds: 10 });
testDefects(loadPostgresStore, leaseDefects);
