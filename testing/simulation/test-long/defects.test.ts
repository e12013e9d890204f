// Takes about 20 s.
import { dueToday } from 'testing-authority/due-today';
import { test } from 'uvu';
import { defects } from '../src/defects/all-defects.ts';
import { loadSharedToken } from '../src/schedule.ts';
import { testDefects } from '../src/test-defects.ts';

test('shared-token has the lines that the defects quote', async () => {
  for (const { patches } of defects) await loadSharedToken(patches);
});

// Each is found after the same schedules, until the code changes. The others are measured by `src/time-to-find.ts` alone.
const foundSoon = defects.filter(({ within }) => within <= 5_000);
testDefects(loadSharedToken, dueToday(foundSoon, 4));
