import { defects } from '../src/defects/all-defects.ts';
import { loadSharedToken } from '../src/schedule.ts';
import { testDefects } from '../src/test-defects.ts';

/** Those that are found soon. The others are in test-long/. */
testDefects(
  loadSharedToken,
  defects.filter(({ within }) => within <= 200),
);
