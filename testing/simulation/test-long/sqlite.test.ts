// Takes about 25 s.
import { testSqlite } from '../src/test-sqlite.ts';

testSqlite(1_000);
