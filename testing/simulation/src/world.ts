import type { Machine } from './machine/machine.ts';

/** A package under test with the models around it. */
export interface World {
  /** The package. */
  readonly name: string;
  /** Runs one schedule from its plan to its end. What goes wrong fails the machine. */
  run(machine: Machine): Promise<void>;
}
