/** hold.ts PATH NAME MILLISECONDS [TIMEOUT]: see `holdLock`. */
import { holdLock } from 'testing-authority/hold-lock';
import { openFileTokenStore } from '../../src/index.ts';

await holdLock(openFileTokenStore);
