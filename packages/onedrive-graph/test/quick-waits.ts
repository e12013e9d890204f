import timers from 'node:timers/promises';
import { replaceBuiltin } from './replace-builtin.ts';

/** Lets each wait of the client take a fiftieth of its time. Returns what ends that. How long waits are is tested in request.test.ts. */
export function quickenWaits(): () => void {
  return replaceBuiltin(
    timers,
    'setTimeout',
    (wait) =>
      (ms = 0, ...rest) =>
        wait(ms / 50, ...rest),
  );
}
