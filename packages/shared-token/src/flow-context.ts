import type { Settings } from './options.ts';
import type { RecordKeeper } from './record-keeper.ts';
import type { Emit } from './shared-token-event.ts';

/** What every step of the flow of one SharedToken works with. */
export interface FlowContext {
  readonly settings: Settings;
  readonly keeper: RecordKeeper;
  readonly emit: Emit;
  /** Calls a function of the caller's so that what it does does not look like a call from within a lock of ours. */
  readonly callUserCode: <T>(call: () => T) => T;
}
