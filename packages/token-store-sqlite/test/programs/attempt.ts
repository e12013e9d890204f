/** attempt.ts PATH CALL… [-- PATH CALL…]…: see `attemptCalls`. */
import { attemptCalls } from 'testing-authority/attempt-calls';
import { inspectTokenStore, openTokenStore } from '../../src/index.ts';

await attemptCalls(openTokenStore, { inspect: ({ path }) => inspectTokenStore(path).state });
