import { defects } from '../src/defects/all-defects.ts';
import { testDefects } from '../src/test-defects.ts';

/** Those that are found soon. The others are in test-long/. */
testDefects(defects.filter(({ within }) => within <= 200));
