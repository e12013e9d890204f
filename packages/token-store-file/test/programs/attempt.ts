/** attempt.ts PATH CALL… [-- PATH CALL…]…: see `attemptCalls`. */
import { attemptCalls } from 'testing-authority/attempt-calls';
import { openFileTokenStore } from '../../src/index.ts';

await attemptCalls(openFileTokenStore);
