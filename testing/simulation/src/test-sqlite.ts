import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { loadPackage } from './machine/load-package.ts';
import { type SqlitePackage, SqliteProcesses } from './models/sqlite-store.ts';
import { report } from './report.ts';
import { runSchedule } from './run-schedule.ts';
import type { Subject } from './schedule.ts';

/** The same schedules over a real file: shows that the model of the store is right, and that the locks of the file are. */
export function testSqlite(schedules: number): void {
  test(`the same promises hold in ${schedules} schedules over a real SQLite file, which always has what the model has`, async () => {
    const subject = (await loadPackage<Subject>('shared-token'))();
    const sqlite = await loadPackage<SqlitePackage>('token-store-sqlite');
    let steps = 0;
    for (let seed = 1; seed <= schedules; seed++) {
      let store: SqliteProcesses | undefined;
      const run = () =>
        runSchedule(subject, {
          seed,
          isKept: true,
          openStore: (history) => {
            store = new SqliteProcesses(history, sqlite);
            return store;
          },
        });
      const result = await run().finally(() => store?.[Symbol.dispose]());
      steps += result.steps;
      assert.equal(result.failure, undefined, report(seed, result));
    }
    console.log(`measured: ${schedules} schedules over SQLite files, ${Math.round(steps / schedules)} steps each`);
  });
  test.run();
}
