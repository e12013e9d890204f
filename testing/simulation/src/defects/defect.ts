import type { Patch } from '../machine/load-package.ts';

/**
 * A mistake in shared-token's protocol, as other lines in the place of some of its own. If you change lines that a defect quotes,
 * change the quotation as well. If a mistake cannot be made any more, delete it.
 */
export interface Defect {
  /** What the wrong code does. */
  readonly name: string;
  readonly patches: readonly Patch[];
  /** The simulation finds it within so many schedules, from seed 1 on. */
  readonly within: number;
}

/** `from`: lines of shared-token, as they stand there, once. */
export const patch = (file: string, from: string, to: string): Patch => ({ file, from, to });
