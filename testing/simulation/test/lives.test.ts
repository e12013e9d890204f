import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { measureLife } from '../src/lives.ts';
import { loadPackage } from '../src/machine/load-package.ts';
import type { Subject } from '../src/schedule.ts';

const minute = 60_000;

test('one refresh for each life, none has expired when it arrives at the API, and minValid makes at most two', async () => {
  const subject = (await loadPackage<Subject>('shared-token'))();
  for (const lifeMs of [10_000, minute, 5 * minute, 60 * minute, 24 * 60 * minute]) {
    for (const everyMs of [Math.max(997, lifeMs / 300), lifeMs / 13, lifeMs * 0.97]) {
      const { calls, refreshes, expired } = await measureLife(subject, { lifeMs, everyMs });
      // Three lives begin with one, and each ends a tenth earlier.
      assert.ok(refreshes <= 4, `${refreshes} refreshes of ${calls} calls, one every ${everyMs} ms`);
      assert.equal(expired, 0);
    }
    const nearlyAll = { lifeMs, everyMs: lifeMs / 13, minValid: lifeMs * 0.95 };
    const { refreshes } = await measureLife(subject, nearlyAll);
    assert.ok(refreshes <= 6, `${refreshes} refreshes`);
  }
});

test('without a skew, tokens are found that have expired when they arrive', async () => {
  const patches = [{ file: 'usable-token.ts', from: 'Math.min(skew, lifetime * longestSkewShare)', to: '0' }];
  const subject = (await loadPackage<Subject>('shared-token', { patches }))();
  assert.ok((await measureLife(subject, { lifeMs: minute, everyMs: 997 })).expired > 0);
});

test.run();
