// Takes about 40 s.
import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { coreDefects } from '../src/defects/core-defects.ts';
import { enumerate } from '../src/enumerate.ts';

const world = { calls: 1, trouble: 0, provider: 'strict', store: 'kernel' } as const;

test('every schedule of two processes that make one call each keeps every promise', async () => {
  const { broken, isComplete, ...counts } = await enumerate(world);
  assert.equal(broken, undefined, broken);
  assert.ok(isComplete && counts.states > 3_000, JSON.stringify(counts));
  console.log(`measured: ${JSON.stringify(counts)}`);
});

for (const name of ['writes without compare-and-swap', 'does not read again under the lock']) {
  test(`in a package that ${name}, one of them breaks a promise`, async () => {
    const { patches } = coreDefects.find((defect) => defect.name === name) ?? assert.fail(name);
    const { broken } = await enumerate({ ...world, patches });
    assert.ok(broken, 'none did');
  });
}

test.run();
