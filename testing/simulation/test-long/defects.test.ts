// Takes about 30 s.
import { defects } from '../src/defects.ts';
import { testDefects } from '../src/test-defects.ts';

testDefects(defects);
