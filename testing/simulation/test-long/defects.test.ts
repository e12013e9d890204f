// Takes about 35 s.
import { defects } from '../src/defects/all-defects.ts';
import { loadSharedToken } from '../src/schedule.ts';
import { testDefects } from '../src/test-defects.ts';

testDefects(loadSharedToken, defects);
