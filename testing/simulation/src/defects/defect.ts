import type { Patch } from '../machine/load-package.ts';

/**
 * A mistake in shared-token's protocol, as other lines in the place of some of its own. If you change lines that a defect quotes,
 * change the quotation as well. If a mistake cannot be made any more, delete it.
 */
export interface Defect {
  /** What the wrong code does. */
  readonly name: string;
  readonly patches: readonly Patch[];
  /** The simulation finds it within so many schedules, from seed 1 on, or `beyond` 20,000. */
  readonly within: number;
}

/** Not within 20,000 schedules from seed 1 on. */
export const beyond = Number.POSITIVE_INFINITY;

/** Each edit is a file of the package, lines of it as they stand there, once, and what stands in their place. */
export function defect(
  name: string,
  within: number,
  ...edits: readonly (readonly [file: string, from: string, to: string])[]
): Defect {
  return { name, within, patches: edits.map(([file, from, to]) => ({ file, from, to })) };
}
