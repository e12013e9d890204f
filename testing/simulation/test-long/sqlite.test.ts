// Takes about 75 s.
import { testSqlite } from '../src/test-sqlite.ts';

testSqlite(3_000);
