/** hold.ts PATH NAME MILLISECONDS [TIMEOUT]: see `holdLock`. */
import { holdLock } from 'testing-authority/hold-lock';
import { openTokenStore } from '../../src/index.ts';

await holdLock(openTokenStore);
