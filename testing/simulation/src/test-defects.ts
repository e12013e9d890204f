import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import type { Defect } from './defects/defect.ts';
import type { Patch } from './machine/load-package.ts';
import { runSchedules } from './run-schedules.ts';
import type { World } from './world.ts';

/** After so many, each change of the code leads to other schedules. */
const mostSchedules = 1_000;

/** A test for each defect that is found soon: the simulation finds it in a copy of the package that has it. */
export function testDefects(load: (patches: readonly Patch[]) => Promise<World>, defects: readonly Defect[]): void {
  for (const { name, patches, foundBy } of defects) {
    if (typeof foundBy === 'string' || foundBy > mostSchedules) continue;
    test(`a package that ${name} is found within ${foundBy} schedules`, async () => {
      const world = await load(patches);
      const { found, schedules } = await runSchedules(world, { firstSeed: 1, schedules: foundBy, isShown: false });
      assert.ok(found, `not found in ${schedules} schedules`);
      console.log(`measured: ${name}: schedule ${found.name}, ${found.text.split('\n')[0]}`);
    });
  }
  test.run();
}
