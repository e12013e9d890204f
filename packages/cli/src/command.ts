import type { Settings } from './settings/settings.ts';
import type { Interrupt } from './terminal/interrupt.ts';
import type { Screen } from './terminal/screen.ts';

/** What a command runs with. */
export interface Command {
  readonly settings: Settings;
  readonly screen: Screen;
  readonly interrupt: Interrupt;
}
