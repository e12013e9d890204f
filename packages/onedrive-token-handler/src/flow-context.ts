import type { Settings } from './options.ts';
import type { Provider } from './provider.ts';
import type { RecordKeeper } from './record-keeper.ts';
import type { TokenEvent } from './token-event.ts';

/** What every step of the flow of one handler works with. */
export interface FlowContext {
  readonly settings: Settings;
  readonly keeper: RecordKeeper;
  /** Loaded when it is first needed. */
  readonly provider: () => Promise<Provider>;
  readonly emit: (event: TokenEvent) => void;
  /** Calls a function of the user's outside of locks and other contexts of ours. */
  readonly outside: <T>(call: () => T) => T;
}
