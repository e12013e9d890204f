import type { Settings } from './options.ts';
import type { RecordKeeper } from './record-keeper.ts';
import type { Emit } from './shared-token-event.ts';

/** What every step of the flow of one SharedToken works with. */
export interface FlowContext {
  readonly settings: Settings;
  readonly keeper: RecordKeeper;
  readonly emit: Emit;
  /**
   * Runs a function of the user's outside of our async context. Otherwise `exclusively` would take a call of that function
   * for a call from our own task, and refuse it.
   */
  readonly callUserCode: <T>(call: () => T) => T;
}
