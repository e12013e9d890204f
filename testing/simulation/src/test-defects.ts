import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import type { Defect } from './defects/defect.ts';
import { loadPackage } from './machine/load-package.ts';
import { runSchedules } from './run-schedules.ts';
import type { Subject } from './schedule.ts';

/** A test for each defect: the simulation finds it in a copy of shared-token that has it. */
export function testDefects(defects: readonly Defect[]): void {
  for (const { name, patches, within } of defects) {
    test(`a shared-token that ${name} is found within ${within} schedules`, async () => {
      const subject = (await loadPackage<Subject>('shared-token', { patches }))();
      const { found, schedules } = await runSchedules(subject, { firstSeed: 1, schedules: within, isShown: false });
      assert.ok(found, `not found in ${schedules} schedules`);
      console.log(`measured: ${name}: seed ${found.seed}, ${found.text.split('\n')[0]}`);
    });
  }
  test.run();
}
