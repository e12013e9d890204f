import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

/** Lets each wait of the client take a fiftieth of its time. Returns what ends that. How long waits are is tested in request.test.ts. */
export function quickenWaits(): () => void {
  const { setTimeout } = timers;
  const set = (wait: typeof setTimeout): void => {
    timers.setTimeout = wait;
    syncBuiltinESMExports();
  };
  set((ms = 0, ...rest) => setTimeout(ms / 50, ...rest));
  return () => set(setTimeout);
}
