import type { Interrupt } from './interrupt.ts';
import type { Screen } from './screen.ts';
import type { Settings } from './settings.ts';

/** What a command runs with. */
export interface Command {
  readonly settings: Settings;
  readonly screen: Screen;
  readonly interrupt: Interrupt;
}
