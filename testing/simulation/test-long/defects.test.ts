// Takes about 20 s.
import { dueToday } from 'testing-authority/due-today';
import { test } from 'uvu';
import { defects } from '../src/defects/all-defects.ts';
import { loadSharedToken } from '../src/schedule.ts';
import { testDefects } from '../src/test-defects.ts';

test('shared-token has the lines that the defects quote', async () => {
  for (const { patches } of defects) await loadSharedToken(patches);
});

// By schedules of the seeds alone. After them, each change of the code leads to other schedules: `src/time-to-find.ts` measures those.
const foundSoon = defects.filter(({ within }) => within <= 1_000);
testDefects(loadSharedToken, dueToday(foundSoon, 4));
